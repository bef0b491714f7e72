"""Records for the eye: one line each on standard error. Standard output is the protocol on stdio and never touched."""

import sys
from collections.abc import Sequence
from typing import Final

from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.sinks.quote import visible

_WIDTH: Final = 128
"""Characters of one field."""


class ConsoleSink:
    """Writes ``time user@tenant what outcome duration id`` for each record."""

    def write(self, records: Sequence[AuditRecord]) -> None:
        """Print the records; a process without a standard error shows nothing."""
        if sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison] -- None under pythonw and some daemons
            sys.stderr.write("".join(f"{_line(record)}\n" for record in records))
            sys.stderr.flush()

    def close(self) -> None:
        """Standard error is not ours to close."""


def _line(record: AuditRecord) -> str:
    duration = record.response.duration_us
    fields = (
        record.timestamp,
        f"{record.user.id}@{record.user.tenant_id}",
        record.tool or record.event_type,
        record.outcome,
        "-" if duration is None else f"{duration / 1000:.1f}ms",
        record.id,
    )
    return " ".join(visible(field, _WIDTH) for field in fields)
