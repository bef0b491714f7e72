"""How much disk the journal takes: the oldest delivered segments go first, undelivered ones never."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from otel_mcp_audit.journal.listing import StreamFolder, stream_folders
from otel_mcp_audit.journal.removal import Declare, OldSegment, OldStream, old_segments, old_stream
from otel_mcp_audit.journal.starts import SUFFIX as STARTS

MAX_BYTES: Final = 1024 * 1024 * 1024
STREAMS_KEPT: Final = 1000
"""Closed, wholly delivered streams that are kept: starts of short-lived servers must not grow the folder for ever."""

_KEEP: Final = 0.75
"""Part of the budget that delivered records may take: the rest is room for what no sink has taken yet."""


class Budget:
    """The bytes of a journal's folder, all its streams and processes together.

    Args:
        root: the journal's folder.
        max_bytes: what it may take.
    """

    def __init__(self, root: Path, max_bytes: int = MAX_BYTES) -> None:
        self.root = root
        self.max_bytes = max_bytes
        self._used = 0
        self._spent = 0
        # Sizes of closed streams: there may be a thousand, and none of them changes unnoticed.
        self._closed: dict[StreamFolder, int] = {}

    def has_room(self, size: int = 0) -> bool:
        """Whether ``size`` bytes and more may be added, by the last ``usage`` and what this process has spent since."""
        return self._used + self._spent + size < self.max_bytes

    @property
    def utilization(self) -> float:
        """Part of the budget that is taken, by the last ``usage`` and what this process has spent since."""
        return (self._used + self._spent) / self.max_bytes

    def spend(self, size: int) -> None:
        """Count bytes that this process has added."""
        self._spent += size

    def usage(self) -> int:
        """Bytes of all files in the folder, looked up now: not for the event loop."""
        self._spent = 0
        folders = stream_folders(self.root)
        self._closed = {folder: size for folder in folders if (size := self._closed.get(folder)) is not None}
        self._used = _look_into(self.root).size + sum(self._size_of(folder) for folder in folders)
        return self._used

    def _size_of(self, folder: StreamFolder) -> int:
        known = self._closed.get(folder)
        if known is not None:
            return known
        size, growing = _look_into(folder.path)
        if not growing:
            self._closed[folder] = size
        return size

    def make_room(self, live: Collection[str], declare: Declare) -> int:
        """Remove the oldest of what was delivered, where it is too much; answers the bytes freed.

        A segment may go when every cursor of its stream is past it, and there is one; the newest of a stream stays, and
        so does its first line. A stream may go as a whole when it is closed and wholly delivered. Such streams go
        beyond ``STREAMS_KEPT``, and the oldest of all when the bytes are needed. Not for the event loop.

        Args:
            live: ids of the streams that this process writes.
            declare: told of each cut before it is made; where it raises, nothing more is removed.
        """
        freed = 0
        if len(stream_folders(self.root)) > STREAMS_KEPT:
            streams = sorted(self._old_streams(live))
            freed = sum(_removed(stream, declare) for stream in streams[: max(0, len(streams) - STREAMS_KEPT)])
        excess = self.usage() - self.max_bytes * _KEEP
        if excess > 0:
            old = sorted([*self._old_streams(live), *self._old_segments()], key=lambda old: old.changed)
            freed += _remove_until(excess, old, declare)
            self.usage()
        return freed

    def _old_streams(self, live: Collection[str]) -> Iterator[OldStream]:
        for _, path in stream_folders(self.root):
            try:
                stream = None if path.name in live else old_stream(path)
            except OSError:  # gone, or not to be read: it stays
                continue
            if stream is not None:
                yield stream

    def _old_segments(self) -> Iterator[OldSegment]:
        for _, path in stream_folders(self.root):
            try:
                yield from old_segments(path)
            except OSError:
                continue


def _remove_until(excess: float, old: list[OldStream | OldSegment], declare: Declare) -> int:
    freed = 0
    for item in old:
        if freed >= excess:
            break
        freed += _removed(item, declare)
    return freed


def _removed(item: OldStream | OldSegment, declare: Declare) -> int:
    try:
        return item.remove(declare)
    except OSError:  # what cannot be removed stays
        return 0


class _Look(NamedTuple):
    size: int
    growing: bool


def _look_into(folder: Path) -> _Look:
    """Bytes of the files in a folder, and whether its stream may still grow, which its start file says."""
    size, growing = 0, False
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                size += entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else 0
                growing = growing or entry.name.endswith(STARTS)
    except OSError:  # gone meanwhile
        return _Look(0, growing=True)
    return _Look(size, growing)
