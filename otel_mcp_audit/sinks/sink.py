"""What takes records: the contract of every destination, in two methods."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from otel_mcp_audit.errors import AuditError
from otel_mcp_audit.record import AuditRecord

Write = Callable[[Sequence[AuditRecord]], object]
"""A plain function that is a sink: returning is accepting, raising is "again later", ``Rejected`` is "never"."""


@runtime_checkable
class Sink(Protocol):
    """A destination."""

    def write(self, records: Sequence[AuditRecord]) -> None:
        """Take all of the records or none; the same record id twice is one record.

        Raises:
            Rejected: these records will never be taken.
            Refused: record or destination may be at fault; delivery finds out which.
            Exception: anything else means "again later".
        """
        ...

    def close(self) -> None:
        """Let go of connections; nothing is written afterwards."""
        ...


class Named(NamedTuple):
    """A sink and its name: without credentials, the same at every start."""

    name: str
    sink: Sink


class FunctionSink:
    """A plain function as a sink.

    Args:
        function: called like ``write``.
    """

    def __init__(self, function: Write) -> None:
        self._function = function

    def write(self, records: Sequence[AuditRecord]) -> None:
        """Call the function; what it raises is its answer."""
        self._function(records)

    def close(self) -> None:
        """A function holds nothing."""


class Unavailable(AuditError):  # noqa: N818 -- sibling of Refused and Rejected
    """Raised by a sink of ours: not taken now, again later.

    Args:
        reason: the destination's words.
        after: seconds to wait as the destination asks for them; None where it does not say.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class NotUnderstood(Unavailable):
    """The destination cannot read the request; perhaps only its compression."""
