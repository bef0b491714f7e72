"""What may be removed from a journal, declared before it goes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from otel_mcp_audit.journal import cursor, disk, edition, ending, starts
from otel_mcp_audit.journal.lock import LOCK_NAME, Lock
from otel_mcp_audit.journal.reader import FolderSegments, Reader
from otel_mcp_audit.journal.segment import file_name

VACANT_S: Final = 600.0
"""Seconds after which a stream that never had a record is taken for a failed start."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Records that are about to be removed: what goes on record as ``audit_prune``.

    Attributes:
        stream: their stream.
        first_seq: the first of them.
        last_seq: the last of them.
        last_hash: hash of the last, which the record after it links to.
        count: how many are removed; less than the range has where some of it went before.
    """

    stream: str
    first_seq: int
    last_seq: int
    last_hash: str
    count: int


Declare = Callable[[Cut], None]
"""Told of each cut before it is made; where it raises, nothing is removed."""


class OldSegment(NamedTuple):
    """A segment that is not the newest of its stream, and that every sink has taken.

    Attributes:
        changed: when it was written last, seconds since the epoch.
        folder: its stream's folder.
        first: its first sequence number.
        size: its bytes.
    """

    changed: float
    folder: Path
    first: int
    size: int

    def remove(self, declare: Declare) -> int:
        """Remove it, but for the stream's first line: that one says whose stream it is. Answers the bytes freed.

        Raises:
            OSError: it is as it was.
        """
        last = ending.last_of_segment(self.folder, self.first)
        # What was tampered with is evidence; what another version writes is its to remove.
        if last is None or edition.foreign(self.folder) is not None:
            return 0
        if self.first > 1:
            count = last.chain.seq - self.first + 1
            declare(Cut(self.folder.name, self.first, last.chain.seq, last.seal.hash, count))
            (self.folder / file_name(self.first)).unlink()
            return self.size
        header = Reader(self.folder).first_line()
        if header is None or last.chain.seq == 1:
            return 0
        declare(Cut(self.folder.name, 2, last.chain.seq, last.seal.hash, last.chain.seq - 1))
        disk.save(self.folder / file_name(1), header + b"\n")
        return self.size - len(header) - 1


def old_segments(folder: Path) -> Iterator[OldSegment]:
    """The segments of a stream that may go, oldest first.

    Raises:
        OSError: the folder cannot be read.
    """
    done = cursor.least(folder)
    if done is None:
        return
    for first, following in pairwise(FolderSegments(folder).firsts()):
        if done.segment < following:
            return
        status = (folder / file_name(first)).lstat()
        yield OldSegment(status.st_mtime, folder, first, status.st_size)


class OldStream(NamedTuple):
    """A stream that is closed and wholly delivered, or never had a record.

    Attributes:
        changed: when its folder changed last, seconds since the epoch.
        folder: its folder.
        size: bytes of its files.
    """

    changed: float
    folder: Path
    size: int

    def remove(self, declare: Declare) -> int:
        """Remove the folder, unless a process holds it. Answers the bytes freed.

        Raises:
            OSError: it cannot be removed, or not wholly.
        """
        lock = Lock(self.folder)
        if not lock.take():
            return 0
        try:
            # Adopted and gone on with in the meantime, or another version's to remove.
            if old_stream(self.folder) is None or edition.foreign(self.folder) is not None:
                return 0
            return self._remove(declare)
        finally:
            lock.release()

    def _remove(self, declare: Declare) -> int:
        last = ending.last_of_stream(self.folder)
        firsts = FolderSegments(self.folder).firsts()
        if last is not None:
            declare(Cut(self.folder.name, firsts[0], last.chain.seq, last.seal.hash, self._count(firsts)))
        # The lock goes last: a folder that is half gone must not look like one that nobody holds.
        for path in sorted(self.folder.iterdir(), key=lambda path: (path.name == LOCK_NAME, path.name)):
            path.unlink()
        self.folder.rmdir()
        return self.size

    def _count(self, firsts: list[int]) -> int:
        ends = ((first, ending.last_of_segment(self.folder, first)) for first in firsts)
        return sum(last.chain.seq - first + 1 for first, last in ends if last)


def old_stream(folder: Path) -> OldStream | None:
    """The stream in a folder, if it may go as a whole; whatever else lies there, such as a quarantine, keeps it.

    Raises:
        OSError: the folder cannot be read.
    """
    files = {path: path.lstat() for path in folder.iterdir()}
    size = sum(status.st_size for status in files.values())
    changed = folder.lstat().st_mtime
    firsts = FolderSegments(folder).firsts()
    kinds = {path for path in files if path.suffix == cursor.SUFFIX or path.name == LOCK_NAME}
    kinds |= {path for path in files if disk.unpublished(path)} | {folder / file_name(first) for first in firsts}
    if not any(files[folder / file_name(first)].st_size for first in firsts):
        kinds |= {path for path in files if path.suffix == starts.SUFFIX}
        old = time.time() - changed > VACANT_S
    else:
        done = cursor.least(folder)
        old = done is not None and done >= (firsts[-1], files[folder / file_name(firsts[-1])].st_size)
    return OldStream(changed, folder, size) if old and kinds == files.keys() else None
