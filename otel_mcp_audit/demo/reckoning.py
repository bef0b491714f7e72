"""The client's own log against a trail: what the demonstration is about."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from otel_mcp_audit.demo.stage import Call
from otel_mcp_audit.record import AuditRecord


class Reckoning(NamedTuple):
    """Calls made against records kept, by the id that the client gave each of its requests.

    Attributes:
        missing: calls without a record.
        doubled: calls with more than one.
        strangers: records of calls that the client did not make.
    """

    missing: list[str]
    doubled: list[str]
    strangers: list[str]

    @property
    def right(self) -> bool:
        """Every call has exactly one record, and nothing else has."""
        return not any(self)


def reckon(calls: Sequence[Call], records: Sequence[AuditRecord]) -> Reckoning:
    """Compare what the client says it did with what the trail says."""
    made = [call.id for call in calls]
    kept = Counter(record.request.id or record.id for record in records)
    return Reckoning(
        missing=[call for call in made if not kept[call]],
        doubled=[call for call in made if kept[call] > 1],
        strangers=[call for call in kept if call not in made],
    )
