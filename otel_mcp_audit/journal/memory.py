"""A stream without a folder: its segments live and end with the process."""

import errno
import threading
from bisect import bisect_right
from typing import Final

from otel_mcp_audit.journal.cursor import Position
from otel_mcp_audit.journal.incident import Incident
from otel_mcp_audit.journal.segment import Segment

MEMORY_BYTES: Final = 64 * 1024 * 1024
"""Bytes a stream keeps in memory."""

_PARTS: Final = 8
"""Segments that share the memory, at least: the oldest eighth goes first."""


class Memory:
    """Anonymous segments, bounded: the oldest wholly delivered ones go first, undelivered ones never.

    Args:
        segment_bytes: where a segment ends; less where ``memory_bytes`` is small.
        memory_bytes: bytes of all segments together.
    """

    def __init__(self, segment_bytes: int, memory_bytes: int) -> None:
        self._segment_bytes = max(1, min(segment_bytes, memory_bytes // _PARTS))
        self._memory_bytes = memory_bytes
        self._segments: list[Segment] = []
        self._guard = threading.Lock()  # between a reader's thread and the removal of a segment
        self._delivered: dict[str, Position] = {}
        self.calls: dict[str, bytes] = {}
        self.incidents: list[Incident] = []  # nobody else can reach an anonymous file: it stays empty

    def keep(self, line: bytes, seq: int) -> None:
        """Append record ``seq``.

        Raises:
            OSError: memory is full of what nobody has taken.
        """
        self._make_room(len(line))
        if not self._segments or self._full(self._segments[-1], len(line)):
            fresh = Segment.anonymous(seq)
            with self._guard:
                self._segments.append(fresh)
        self._segments[-1].append(line)

    @property
    def total(self) -> int:
        """Bytes of the segments."""
        return sum(segment.size for segment in self._segments)

    def retract(self, line: bytes) -> None:
        """Take a record back that was written and could not be acknowledged."""
        if self._segments:
            self._segments[-1].retract(line)

    def _full(self, segment: Segment, size: int) -> bool:
        if segment.broken:
            segment.mend()
        return segment.broken or (bool(segment.size) and segment.size + size > self._segment_bytes)

    def _make_room(self, size: int) -> None:
        while self.total + size > self._memory_bytes:
            if len(self._segments) <= 1 or not self._oldest_delivered():
                raise OSError(errno.ENOSPC, f"{self._memory_bytes} bytes in memory are full of undelivered records")
            with self._guard:
                self._segments.pop(0).close()

    def _oldest_delivered(self) -> bool:
        oldest = self._segments[0]
        done = tuple(self._delivered.values())  # a copy: sinks report from threads of their own
        return bool(done) and min(done) >= (oldest.first, oldest.size)

    def begin(self, call_id: str, body: bytes, seq: int) -> None:  # as Home's: there is no file
        """Note a start; like all else here it ends with the process."""
        self.calls[call_id] = body

    def expect(self, sink: str) -> None:
        """Keep what ``sink`` has not acknowledged."""
        self._delivered.setdefault(sink, Position(0, 0))

    def delivered(self, sink: str, position: Position) -> None:
        """All before ``position`` has arrived at ``sink``."""
        self._delivered[sink] = position

    def firsts(self) -> list[int]:
        """First sequence numbers of the segments, in order."""
        with self._guard:
            return [segment.first for segment in self._segments]

    def size(self, first: int) -> int:
        """Bytes of a segment; 0 where it is gone."""
        with self._guard:
            found = self._find(first)
            return found.size if found else 0

    def read(self, first: int, offset: int, limit: int) -> bytes:
        """Bytes of a segment; none where it is gone."""
        with self._guard:
            found = self._find(first)
            return found.read(offset, limit) if found else b""

    def _find(self, first: int) -> Segment | None:
        at = bisect_right(self._segments, first, key=lambda segment: segment.first) - 1
        return self._segments[at] if at >= 0 and self._segments[at].first == first else None

    def close(self) -> None:
        """End it: all is gone."""
        with self._guard:
            for segment in self._segments:
                segment.close()
            self._segments.clear()

    def abandon(self) -> None:
        """In a forked child: close the inherited descriptors."""
        # The inherited guard may be held for ever, by a thread that is not in this process.
        self._guard = threading.Lock()
        self.close()
