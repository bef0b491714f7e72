"""A stream whose owner is gone, made fit to be gone on with."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import cursor as cursors
from otel_mcp_audit.journal import disk, starts
from otel_mcp_audit.journal.brief import Brief, brief
from otel_mcp_audit.journal.cursor import Position
from otel_mcp_audit.journal.files import Files
from otel_mcp_audit.journal.incident import Incident, missing
from otel_mcp_audit.journal.lock import Lock
from otel_mcp_audit.journal.reader import LONGEST_LINE, FolderSegments, Reader
from otel_mcp_audit.journal.segment import Segment
from otel_mcp_audit.line import Head

_STARTS_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of a start file that is read: far above what the starts of one segment take."""

_SEGMENT_RECORDS: Final = 1_000_000
"""Records beyond which no cursor is believed to have stood in one segment."""


class End(NamedTuple):
    """The end of a stream.

    Attributes:
        last: its last sound line.
        ended: ids of the events on record in the segments that were looked at, the last one among them.
        corrupt: lines after it that are not sound.
        corrupt_bytes: their bytes.
    """

    last: Brief
    ended: frozenset[str]
    corrupt: int
    corrupt_bytes: int


class Recovered(NamedTuple):
    """A stream's files, its last sound line, and the sequence number that comes next."""

    files: Files
    head: Head
    next_seq: int


def recover(path: Path, lock: Lock) -> Recovered:
    """Repair a stream, find its open calls, and open it at its end.

    Args:
        path: the stream's folder.
        lock: its lock, taken.

    Raises:
        JournalError: it has no sound line to go on from, or is not this folder's.
        OSError: it cannot be read or repaired.
    """
    reader = Reader(path)
    firsts = reader.segments()
    if not firsts:
        raise JournalError(f"stream {path} has no segment")
    with ExitStack() as undo:
        segment = Segment.open(path, firsts[-1])
        undo.callback(segment.close)
        torn = segment.repair()
        end = end_of(reader)
        if end is None or end.last.chain.stream != path.name:
            raise JournalError(f"stream {path} has no sound line of its own to go on from")
        starts_file, found = _starts(path, segment.first, end.ended)
        undo.callback(starts_file.close)
        files = Files(path, lock, segment, starts_file, disk.identity(path), _sizes(path, segment.first))
        files.incidents += _incidents(end, found, segment.first, torn)
        next_seq = max(end.last.chain.seq + end.corrupt + 1, segment.first)
        taken = _taken_beyond(path, segment)
        if taken >= next_seq:
            files.incidents.append(missing("segment_cut_back", next_seq, taken))
            next_seq = taken + 1
        if end.corrupt or taken:
            files.turn(next_seq)
        undo.pop_all()
        return Recovered(files, end.last.head, next_seq)


def _taken_beyond(path: Path, segment: Segment) -> int:
    """The last record that a sink has taken and that is no more, as after a power cut; 0 where there is none.

    Its number and its place are used up: what is added there would look like what was delivered long ago.
    """
    end = Position(segment.first, segment.size)
    beyond = [cursor.seq for cursor in cursors.all_of(path) if cursor.position > end]
    return min(max(beyond, default=0), segment.first + _SEGMENT_RECORDS)


def _starts(path: Path, first: int, ended: frozenset[str]) -> tuple[starts.Starts, starts.Found | None]:
    """The last start file, written anew with the calls that are still open, and what was found in it."""
    names = starts.files(path)
    if not names:
        return starts.Starts(path / starts.file_name(first), {}), None
    found = starts.open_after(disk.load(names[-1], _STARTS_LIMIT), ended)
    return starts.Starts(names[-1], found.calls), found


def _sizes(path: Path, before: int) -> dict[int, int]:
    segments = FolderSegments(path)
    return {first: segments.size(first) for first in segments.firsts() if first < before}


def _incidents(end: End, found: starts.Found | None, first: int, torn: int) -> Iterator[Incident]:
    if torn:
        yield Incident("torn_tail", bytes=torn)
    seq = end.last.chain.seq
    if end.corrupt:
        yield missing("corrupt_tail", seq + 1, seq + end.corrupt, end.corrupt_bytes)
    if seq + end.corrupt + 1 < first:
        yield missing("segment_truncated", seq + end.corrupt + 1, first - 1)
    if found is None:
        if not end.last.stops:
            yield Incident("starts_lost")
    elif found.corrupt:
        yield Incident("corrupt_starts", count=found.corrupt, bytes=found.bytes)
    elif found.bytes:
        yield Incident("torn_start", bytes=found.bytes)


def end_of(reader: Reader) -> End | None:
    """Where a stream ends: read backwards by segment up to one that has a sound line; None where none has.

    Raises:
        OSError: it cannot be read.
    """
    ended: set[str] = set()
    corrupt, corrupt_bytes = 0, 0
    for first in reversed(reader.segments()):
        last: Brief | None = None
        before = corrupt, corrupt_bytes
        for line in _lines_of(reader, first):
            found = brief(line)
            if found is None:
                corrupt, corrupt_bytes = corrupt + 1, corrupt_bytes + len(line) + 1
            else:
                last, (corrupt, corrupt_bytes) = found, before
                ended.add(found.event.id)
        if last is not None:
            return End(last, frozenset(ended), corrupt, corrupt_bytes)
    return None


def _lines_of(reader: Reader, first: int) -> Iterator[bytes]:
    position = Position(first, 0)
    while batch := reader.read(position, records=1000, limit=LONGEST_LINE):
        for line, after in batch:
            if after.segment != first:
                return
            position = after
            yield line
