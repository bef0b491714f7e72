"""How a stream ends, without reading it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from otel_mcp_audit.journal import cursor, disk, reader, starts, tail
from otel_mcp_audit.journal.brief import Brief, brief
from otel_mcp_audit.journal.reader import FolderSegments

NO_CURSOR: Final = frozenset({"none", "otel"})
"""Sinks that nothing is delivered to: one takes nothing, the other is handed each record when it is kept."""


def last_of_segment(folder: Path, first: int) -> Brief | None:
    """The last whole line of a segment in short; None where it is not sound, or there is none.

    Raises:
        OSError: it cannot be read.
    """
    line = _last_line_of(FolderSegments(folder), first)
    return brief(line) if line else None


def _last_line_of(segments: FolderSegments, first: int) -> bytes | None:
    def read(offset: int, limit: int) -> bytes:
        return segments.read(first, offset, limit)

    return tail.line_before(read, tail.last_line_end(read, segments.size(first)))


def last_of_stream(folder: Path) -> Brief | None:
    """The last whole line of a stream in short; None where it is not sound, or there is none.

    Raises:
        OSError: it cannot be read.
    """
    line = last_line(folder)
    return brief(line) if line else None


def last_line(folder: Path) -> bytes | None:
    """The last whole line of a stream as it stands there, without its line end; None where there is none.

    Raises:
        OSError: it cannot be read.
    """
    segments = FolderSegments(folder)
    for first in reversed(segments.firsts()):
        if segments.size(first):
            return _last_line_of(segments, first)
    return None


def finished(folder: Path, sinks: Iterable[str]) -> bool:
    """Whether nothing is left to do in a stream: closed, no call open, and all of it delivered to each of ``sinks``.

    Raises:
        OSError: it cannot be read.
    """
    names = disk.names(folder)
    if any(name.endswith(starts.SUFFIX) for name in names):
        return False
    firsts = reader.firsts(names)
    if not firsts:
        return True
    end = cursor.Position(firsts[-1], FolderSegments(folder).size(firsts[-1]))
    cursors = [f"{cursor.name_for(sink)}{cursor.SUFFIX}" for sink in sinks if sink not in NO_CURSOR]
    return all(cursor.load(folder / name)[0].position >= end for name in cursors)
