"""One journal line on its way."""

from collections.abc import Sequence
from dataclasses import dataclass

from otel_mcp_audit.journal import Position
from otel_mcp_audit.record import AuditRecord


@dataclass(slots=True)
class Item:
    """A line, the position after it, and what a sink gets.

    Attributes:
        line: without its line end.
        end: the position after it.
        record: None where the line is no record.
        settled: the sink has it, or it was set aside.
    """

    line: bytes
    end: Position
    record: AuditRecord | None
    settled: bool = False

    @property
    def size(self) -> int:
        """Bytes of the line, its end included."""
        return len(self.line) + 1


def unsettled(items: Sequence[Item]) -> list[Item]:
    """Those that are still to be delivered."""
    return [item for item in items if not item.settled]


def records(items: Sequence[Item]) -> list[AuditRecord]:
    """What a sink gets of them."""
    return [item.record for item in items if item.record is not None]


def halves(items: Sequence[Item]) -> list[Sequence[Item]]:
    """Both halves, in order; none of fewer than two items."""
    middle = len(items) // 2
    return [items[:middle], items[middle:]] if middle else []
