"""Records as rows for people: time, who, what, how it ended, how long it took, what was touched."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import UNSET
from rich.text import Text

from otel_mcp_audit import clock
from otel_mcp_audit.cli.terminal import plain
from otel_mcp_audit.line import UNASSIGNED, Event
from otel_mcp_audit.record import AuditRecord

_WIDEST: Final = 32
"""Columns are aligned up to this width; a longer value is shown whole and moves its own row only."""
_GAP: Final = "  "
_OUTCOME: Final = 3
_DURATION: Final = 4
_CAME_TO_NOTHING: Final = frozenset({"cancelled", "disconnected", "input_required", "task_accepted"})


class Table:
    """Aligned rows; columns grow with what was shown before, so that a followed trail stays aligned."""

    def __init__(self) -> None:
        self._widths = [0] * 6

    def rows(self, records: Iterable[AuditRecord]) -> Iterator[Text]:
        """One row a record."""
        today = clock.timestamp(clock.now_ns())[:10]
        rows = [_cells(record, today) for record in records]
        for cells in rows:
            self._widths = [
                max(width, min(len(text), _WIDEST)) for width, text in zip(self._widths, cells, strict=False)
            ]
        return (self._row(cells) for cells in rows)

    def _row(self, cells: list[str]) -> Text:
        row = Text()
        for column, text in enumerate(cells):
            width = self._widths[column] if column < len(self._widths) else 0
            aligned = text.rjust(width) if column == _DURATION else text.ljust(width)
            row.append(aligned, _style(text) if column == _OUTCOME else "")
            row.append(_GAP)
        row.rstrip()
        return row


def _cells(record: AuditRecord, today: str) -> list[str]:
    event = record.event
    duration = record.response.duration_us
    resources = ",".join(resource.id for resource in record.resources) or ("-" if duration is not None else "")
    labels = [event.sensitivity or "", "phi" if event.phi else "", *_refusal(event)]
    cells = [
        _time(record.timestamp, today),
        _who(record),
        record.tool or record.request.method or record.event_type,
        record.outcome if not record.event_type.startswith("audit_") else record.event_type,
        "" if duration is None else _milliseconds(duration),
        resources,
        _GAP.join(filter(None, labels)),
    ]
    return [plain(cell) for cell in cells]


def _refusal(event: Event) -> list[str]:
    """Why a request was refused, and for how many such requests the record stands."""
    reason = [] if event.refusal is UNSET else [event.refusal.reason]
    return reason if event.repeated is UNSET else [*reason, f"x{event.repeated.count}"]


def _time(timestamp: str, today: str) -> str:
    """The time of day; with its date on any other day than today."""
    day, _, time = timestamp.partition("T")
    return time[:8] if day == today else f"{day} {time[:8]}"


def _who(record: AuditRecord) -> str:
    tenant = record.user.tenant_id
    return record.user.id if tenant == UNASSIGNED else f"{record.user.id}@{tenant}"


def _milliseconds(duration_us: int) -> str:
    return f"{duration_us / 1000:.0f} ms" if duration_us >= 1000 else f"{duration_us / 1000:.1f} ms"  # noqa: PLR2004 -- one millisecond


def _style(outcome: str) -> str:
    if outcome == "success":
        return "green"
    return "yellow" if outcome in _CAME_TO_NOTHING else "red"
