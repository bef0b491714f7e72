"""The newest records of a journal folder, read from the ends of its files."""

import heapq
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from otel_mcp_audit import clock
from otel_mcp_audit.journal import BEGINNING, Position
from otel_mcp_audit.journal.reader import LONGEST_LINE, FolderSegments
from otel_mcp_audit.journal.segment import file_name
from otel_mcp_audit.record import AuditRecord

Wanted = Callable[[AuditRecord], bool]

_BLOCK: Final = 64 * 1024
_CLOCK_SLACK_NS: Final = 24 * 3600 * 1_000_000_000
"""A file changed so long before a record began is taken not to hold newer ones, even if a clock was set meanwhile."""


class Newest(NamedTuple):
    """The newest records, oldest first, and where each stream ended when they were read."""

    records: list[AuditRecord]
    ends: dict[Path, Position]


class _Stream(NamedTuple):
    changed_ns: int
    folder: Path
    segments: FolderSegments
    firsts: list[int]


def newest(root: Path, count: int, wanted: Wanted) -> Newest:
    """The ``count`` newest records of all streams of a folder, by the time they began.

    Raises:
        OSError: the folder cannot be read.
    """
    best: list[tuple[str, str, int, AuditRecord]] = []
    ends: dict[Path, Position] = {}
    for stream in sorted(_streams(root), key=lambda stream: stream.changed_ns, reverse=True):
        ends[stream.folder] = _end(stream)
        if not count or (len(best) == count and clock.timestamp(stream.changed_ns + _CLOCK_SLACK_NS) < best[0][0]):
            continue
        taken = 0
        for record in _backwards(stream, ends[stream.folder]):
            if taken == count:
                break
            if wanted(record):
                taken += 1
                entry = (*moment(record), record)
                (heapq.heappush if len(best) < count else heapq.heappushpop)(best, entry)
    return Newest([record for *_, record in sorted(best, key=lambda entry: entry[:3])], ends)


def moment(record: AuditRecord) -> tuple[str, str, int]:
    """Sorts records of different streams by time, and those of one moment by their place."""
    return record.timestamp, record.chain.stream, record.chain.seq


def decoded(line: bytes) -> AuditRecord | None:
    """The record, or None where the line is not one: that is for ``verify`` to say."""
    try:
        return AuditRecord(line)
    except (msgspec.DecodeError, UnicodeError):
        return None


def stream_folders(root: Path) -> list[Path]:
    """The folders of a journal's streams.

    Raises:
        OSError: the folder cannot be read.
    """
    return [entry for entry in root.iterdir() if entry.is_dir() and not entry.is_symlink()]


def _streams(root: Path) -> Iterator[_Stream]:
    for folder in stream_folders(root):
        segments = FolderSegments(folder)
        firsts = segments.firsts()
        if firsts:
            changed = (folder / file_name(firsts[-1])).lstat().st_mtime_ns
            yield _Stream(changed, folder, segments, firsts)


def _end(stream: _Stream) -> Position:
    """The position after the last whole line."""
    for first in reversed(stream.firsts):
        end = stream.segments.size(first)
        while end > 0:
            start = max(0, end - _BLOCK)
            found = stream.segments.read(first, start, end - start).rfind(b"\n")
            if found >= 0:
                return Position(first, start + found + 1)
            end = start
    return BEGINNING


def _backwards(stream: _Stream, end: Position) -> Iterator[AuditRecord]:
    """A stream's records before a position, the last one first."""
    for first in reversed(stream.firsts):
        if first <= end.segment:
            offset = end.offset if first == end.segment else stream.segments.size(first)
            for line in _lines_backwards(stream.segments, first, offset):
                record = decoded(line)
                if record is not None:
                    yield record


def _lines_backwards(segments: FolderSegments, first: int, end: int) -> Iterator[bytes]:
    rest = b""
    while end > 0:
        start = max(0, end - _BLOCK)
        head, *lines = (segments.read(first, start, end - start) + rest).split(b"\n")
        yield from (line for line in reversed(lines) if line)
        rest = head if len(head) <= LONGEST_LINE else b""
        end = start
    if rest:
        yield rest
