"""Reading a stream that somebody writes: this process, another one, or nobody any more."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

from otel_mcp_audit.journal import disk, tail
from otel_mcp_audit.journal.brief import brief
from otel_mcp_audit.journal.cursor import BEGINNING, Position
from otel_mcp_audit.journal.segment import file_name

LONGEST_LINE: Final = 1024 * 1024
"""Bytes of a line that is read at all: far above ``record.LINE_LIMIT``, far below what would hurt."""

_NAME: Final = re.compile(r"([0-9]{12,16})\.jsonl")
_PROBLEMS_KEPT: Final = 100
_FIRST_READ: Final = 64 * 1024
"""Bytes: what a live reader finds is a few lines."""
_READ: Final = 256 * 1024
"""Bytes, where there is more: a backlog."""


class Segments(Protocol):
    """Where a stream's segments are read from."""

    def firsts(self) -> list[int]:
        """First sequence numbers of the segments that are there, in order."""
        ...

    def size(self, first: int) -> int:
        """Bytes of a segment; 0 where it is gone."""
        ...

    def read(self, first: int, offset: int, limit: int) -> bytes:
        """Bytes of a segment; none where it is gone."""
        ...


def firsts(names: Iterable[str]) -> list[int]:
    """First sequence numbers of the segments among the names in a stream's folder, in order."""
    return sorted(int(found[1]) for name in names if (found := _NAME.fullmatch(name)))


class FolderSegments:
    """The segments in a stream's folder. A file is open only while it is read.

    Args:
        folder: the stream's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def firsts(self) -> list[int]:
        """First sequence numbers of the segments in the folder, in order."""
        try:
            return firsts(disk.names(self._folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def size(self, first: int) -> int:
        """Bytes of a segment; 0 where it is gone."""
        try:
            return (self._folder / file_name(first)).lstat().st_size
        except FileNotFoundError:
            return 0

    def read(self, first: int, offset: int, limit: int) -> bytes:
        """Bytes of a segment; none where it is gone."""
        try:
            fd = disk.open_for_reading(self._folder / file_name(first))
        except FileNotFoundError:
            return b""
        try:
            return disk.read(fd, offset, limit)
        finally:
            disk.close(fd)


class Reader:
    """Whole lines of a stream, from any position, across its segments.

    Args:
        source: the stream's folder, or its segments where it has none.

    Attributes:
        problems: what was found and passed over, in words; the newest 100.
    """

    def __init__(self, source: Path | Segments) -> None:
        self._segments = FolderSegments(source) if isinstance(source, Path) else source
        self.problems: list[str] = []

    def segments(self) -> list[int]:
        """First sequence numbers of the segments that are there, in order.

        Raises:
            OSError: the folder cannot be read.
        """
        return self._segments.firsts()

    def first_line(self) -> bytes | None:
        """The stream's first line, without its line end; None where there is none yet.

        Raises:
            OSError: the folder or the segment cannot be read.
        """
        lines = self.read(BEGINNING, records=1, limit=LONGEST_LINE)
        return lines[0][0] if lines else None

    def read(self, position: Position, *, records: int, limit: int) -> list[tuple[bytes, Position]]:
        """The next whole lines, each without its line end and with the position after it.

        Stops at the last line end. Goes on with the next segment where one is exhausted and a later one exists, or
        where the position's own is gone. A line longer than ``LONGEST_LINE`` is passed over and reported.

        Args:
            position: where to begin; ``Position(0, 0)`` is the beginning.
            records: at most so many lines.
            limit: at most so many bytes of lines, line ends included; a first line is given even if it is longer.

        Raises:
            OSError: the folder or a segment cannot be read.
        """
        lines: list[tuple[bytes, Position]] = []
        # Listed before it is read: once a later segment exists nothing is added to the one before it.
        firsts = self._segments.firsts()
        position = self._believed(position, firsts)
        firsts = [first for first in firsts if first >= position.segment]
        for number, first in enumerate(firsts):
            offset = self._checked(first, position.offset) if first == position.segment else 0
            for line, after in self._lines(first, offset, last=number == len(firsts) - 1):
                limit -= len(line) + 1
                if lines and limit < 0:
                    return lines
                lines.append((line, Position(first, after)))
                if len(lines) >= records:
                    return lines
        return lines

    def pending(self, position: Position) -> int:
        """Bytes after a position, a line that is not whole yet included.

        Raises:
            OSError: the folder cannot be read.
        """
        total, firsts = 0, self._segments.firsts()
        position = self._believed(position, firsts)
        for first in firsts:
            if first >= position.segment:
                done = position.offset if first == position.segment else 0
                total += max(0, self._segments.size(first) - done)
        return total

    def _believed(self, position: Position, firsts: list[int]) -> Position:
        """The position, if the stream may ever come to it; else the beginning: nothing is ever left out."""
        if not firsts or position.segment <= firsts[-1]:
            return position

        def read(offset: int, limit: int) -> bytes:
            return self._segments.read(firsts[-1], offset, limit)

        last = brief(tail.line_before(read, tail.last_line_end(read, self._segments.size(firsts[-1]))) or b"")
        # The name of the next segment, should the one of the position be just about to be made or put back.
        if last is not None and position.segment <= last.chain.seq + 1:
            return position
        self._report(f"segment {position.segment} is not of this stream: read from the beginning")
        return BEGINNING

    def _checked(self, first: int, offset: int) -> int:
        """The offset, if it is the beginning of a line; else the segment's beginning: nothing is ever left out."""
        if offset == 0 or self._segments.read(first, offset - 1, 1) == b"\n":
            return offset
        if self._segments.size(first) < offset:
            self._report(f"segment {first} is shorter than {offset} bytes: it was cut")
            return offset
        self._report(f"offset {offset} of segment {first} is inside a line: read from its beginning")
        return 0

    def _lines(self, first: int, offset: int, *, last: bool) -> Iterator[tuple[bytes, int]]:
        """Whole lines of one segment, each with the offset after it."""
        rest, skipping = b"", 0
        step = _FIRST_READ
        while piece := self._segments.read(first, offset + skipping + len(rest), step):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                offset += skipping + len(line) + 1
                if skipping or len(line) > LONGEST_LINE:
                    self._report(f"a line of segment {first} before offset {offset} is too long: passed over")
                    skipping = 0
                else:
                    yield line, offset
            if len(rest) > LONGEST_LINE:
                skipping, rest = skipping + len(rest), b""
            step = _READ
        if (rest or skipping) and not last:
            self._report(f"segment {first} ends with a torn line at offset {offset}: passed over")

    def _report(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems[_PROBLEMS_KEPT - 1 :] = []
            self.problems.insert(0, problem)
