"""One batch to a sink in memory, without a thread."""

from collections.abc import Callable, Sequence

from otel_mcp_audit.delivery.sender import Sender
from otel_mcp_audit.delivery.track import Track
from otel_mcp_audit.errors import Refused
from otel_mcp_audit.record import AuditRecord
from tests.delivery.trail import Recorder, Trail

Judge = Callable[[Sequence[AuditRecord]], None]


def taking(_: Sequence[AuditRecord]) -> None:
    """Takes everything."""


def unavailable(_: Sequence[AuditRecord]) -> None:
    """Takes nothing now."""
    raise ConnectionError("nobody there")


def refusing(*names: str) -> Judge:
    """Refuses every request with a call of one of these tools in it."""

    def judge(records: Sequence[AuditRecord]) -> None:
        for record in records:
            if record.tool in names:
                raise Refused(f"cannot take {record.tool}")

    return judge


class Sending:
    """A sender, its track, and one call that reads and delivers.

    Args:
        trail: the stream.
        judge: what the sink does.

    Attributes:
        now: the sender's clock, in seconds.
    """

    def __init__(self, trail: Trail, judge: Judge) -> None:
        self.now = 0.0
        self.sink = Recorder(judge)
        self.sender = Sender(self.sink, clock=lambda: self.now)
        self.track = Track(trail.source())

    def run(self) -> None:
        """Deliver until nothing is left; raises ``Hold``."""
        while items := self.track.read(self.sender.limits):
            self.sender.deliver(self.track, items)
