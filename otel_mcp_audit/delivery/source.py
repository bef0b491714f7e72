"""What is delivered: one stream, and where it is kept how far one sink has taken it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from otel_mcp_audit.journal import Position


class Reader(Protocol):
    """Whole lines of a stream, from any position.

    Attributes:
        problems: what was found and passed over, in words, the newest first.
    """

    problems: list[str]

    def read(self, position: Position, *, records: int, limit: int) -> list[tuple[bytes, Position]]:
        """At most ``records`` lines and ``limit`` bytes, each line without its end and with the position after it."""
        ...

    def pending(self, position: Position) -> int:
        """Bytes after a position."""
        ...


@runtime_checkable
class Receipts(Protocol):
    """A reader that wants to know what has arrived, because what has may go."""

    def done(self, position: Position) -> None:
        """All before the position has arrived."""
        ...


class Source(NamedTuple):
    """One stream for one sink.

    Attributes:
        stream_id: the stream.
        reader: reads its lines.
        cursor_path: where the sink's place in it is kept; None for a stream in memory.
        quarantine_path: where the sink's refused records are kept; None for a stream in memory.
        resource: the OTel Resource of the process that wrote it.
        sink: the sink's name.
        last: answers the number of the stream's last record.
    """

    stream_id: str
    reader: Reader
    cursor_path: Path | None
    quarantine_path: Path | None
    resource: Mapping[str, str]
    sink: str = ""
    last: Callable[[], int] = int
