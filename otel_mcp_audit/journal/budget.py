"""How much disk the journal takes: the oldest delivered segments go first, undelivered ones never."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from otel_mcp_audit.journal.orphans import stream_folders
from otel_mcp_audit.journal.removal import Declare, OldSegment, OldStream, old_segments, old_stream

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

    @property
    def full(self) -> bool:
        """Whether nothing more may be added, by the last ``usage`` and what this process has spent since."""
        return self._used + self._spent >= self.max_bytes

    def spend(self, size: int) -> None:
        """Count bytes that this process has added."""
        self._spent += size

    def usage(self) -> int:
        """Bytes of all files in the folder, looked up now. Reads every stream's folder: not for the event loop."""
        self._spent = 0
        self._used = sum(_bytes_in(path) for path in (self.root, *stream_folders(self.root)))
        return self._used

    def make_room(self, live: Collection[str], declare: Declare) -> int:
        """Remove the oldest of what was delivered, where it is too much; answers the bytes freed.

        A segment may go when every cursor of its stream is past it, and there is one; the newest of a stream stays, and
        so does its first line. A stream may go as a whole when it is closed and wholly delivered. Such streams go
        beyond ``STREAMS_KEPT``, and the oldest of all when the bytes are needed. Not for the event loop.

        Args:
            live: ids of the streams that this process writes.
            declare: told of each cut before it is made; where it raises, nothing more is removed.
        """
        streams = sorted(self._old_streams(live))
        surplus = max(0, len(streams) - STREAMS_KEPT)
        freed = sum(_removed(stream, declare) for stream in streams[:surplus])
        excess = self.usage() - self.max_bytes * _KEEP
        if excess > 0:
            old = sorted([*streams[surplus:], *self._old_segments()], key=lambda old: old.changed)
            freed += _remove_until(excess, old, declare)
            self.usage()
        return freed

    def _old_streams(self, live: Collection[str]) -> Iterator[OldStream]:
        for path in stream_folders(self.root):
            try:
                stream = None if path.name in live else old_stream(path)
            except OSError:  # gone, or not to be read: it stays
                continue
            if stream is not None:
                yield stream

    def _old_segments(self) -> Iterator[OldSegment]:
        for path in stream_folders(self.root):
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


def _bytes_in(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in entries if entry.is_file())
    except OSError:
        return 0
