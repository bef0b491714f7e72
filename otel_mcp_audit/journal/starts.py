"""The calls that have begun and not ended, so that a killed process leaves no call without a record.

One append-only file beside each segment: a line for each start, the event as it was known then. What has ended is not
marked: its record stands in the segment. At rotation the open starts move to a new file.
"""

import re
from collections.abc import Container
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import DecodeError, Struct, json

from otel_mcp_audit.journal import disk
from otel_mcp_audit.journal.segment import Damage, Damaged

SUFFIX: Final = ".starts"

_NAME: Final = re.compile(r"[0-9]{12,16}\.starts")


class _Named(Struct):
    id: str


class _Start(Struct):
    event: _Named


_decode = json.Decoder(_Start).decode


class Found(NamedTuple):
    """What a start file says: open calls by id, lines that say nothing, and the bytes of those and of a torn tail."""

    calls: dict[str, bytes]
    corrupt: int
    bytes: int


def open_after(starts: bytes, ended: Container[str]) -> Found:
    """The calls that began in ``starts`` and are not among the ``ended`` ids; unreadable lines are counted."""
    lines = starts.split(b"\n")
    found: dict[str, bytes] = {}
    corrupt, lost = 0, len(lines.pop())
    for line in lines:
        call_id = _call_id(line)
        if call_id is None:
            corrupt, lost = corrupt + 1, lost + len(line) + 1
        elif call_id not in ended:
            found[call_id] = line
    return Found(found, corrupt, lost)


def _call_id(line: bytes) -> str | None:
    try:
        return _decode(line).event.id
    except (DecodeError, UnicodeDecodeError):
        return None


def file_name(first: int) -> str:
    """The name of the start file that belongs to the segment beginning with record ``first``."""
    return f"{first:012d}{SUFFIX}"


def files(folder: Path) -> list[Path]:
    """The start files in a stream's folder, oldest first; more than one only after a crash during rotation.

    Raises:
        OSError: the folder cannot be read.
    """
    return [folder / name for name in sorted(disk.names(folder)) if _NAME.fullmatch(name)]


class Starts:
    """The start file in use.

    Args:
        path: its name.
        calls: the bodies of the open calls by call id; kept, changed and written anew from here.
        synced: the file will be synced, so one that is written anew is so at once.

    Attributes:
        begun: how many starts were noted, here and in the files before.
        made: how many files were written in this place.
    """

    __slots__ = ("_broken", "_fd", "_shortened", "_synced", "begun", "calls", "made", "path", "size")

    def __init__(self, path: Path, calls: dict[str, bytes], *, synced: bool = False) -> None:
        self.path = path
        self.calls = calls
        self.begun = 0
        self.made = 0
        self._synced = synced
        self._fd, self.size = self._written(path)
        self._shortened = 0
        self._broken = False

    def begin(self, call_id: str, body: bytes) -> None:
        """Note a start.

        Raises:
            Damaged: the file is not as it was left; nothing was written.
            OSError: nothing of it stays in the file.
        """
        if self._broken:
            self.rewrite()
        if (damage := self.damaged()) is not None:
            raise Damaged(self.path, damage)
        line = body + b"\n"
        size = self.size
        try:
            disk.write(self._fd, line)
            self.size = size + len(line)
        except BaseException:  # an interrupt between the two as well
            self.size = size
            self._cut_back()
            raise
        self.calls[call_id] = body
        self.begun += 1

    def damaged(self) -> Damage | None:
        """What somebody else did to the file."""
        found = disk.status(self._fd)
        if found.st_nlink == 0:
            return Damage.UNLINKED
        if found.st_size == self.size:
            return None
        return Damage.SHORTER if found.st_size < self.size else Damage.LONGER

    def _cut_back(self) -> None:
        try:
            disk.cut(self._fd, self.size)
        except OSError:
            self._broken = True

    def astray(self) -> bool:
        """Whether the name no longer leads to this file.

        Raises:
            PermissionError: the name cannot be looked up.
        """
        found = disk.status(self._fd)
        return found.st_nlink == 0 or disk.identity(self.path) != (found.st_dev, found.st_ino)

    def rewrite(self) -> None:
        """Write the file anew from the open calls, at its place.

        Raises:
            OSError: the file is as it was.
        """
        fd, self.size = self._written(self.path)
        disk.close(self._fd)
        self._fd, self._broken = fd, False

    def shorten_beyond(self, size: int) -> None:
        """Leave out what has ended, once the file has more than ``size`` bytes and twice those of the last time."""
        if self.size <= max(size, self._shortened):
            return
        with suppress(OSError):  # a longer file is as good; rotation makes a new one
            self.rewrite()
        self._shortened = 2 * self.size

    def moved_to(self, path: Path) -> "Starts":
        """A new start file with the open calls; this one is closed, its file stays.

        Raises:
            OSError: there is none, and this one goes on.
        """
        moved = Starts(path, self.calls, synced=self._synced)
        moved.begun = self.begun
        self.close()
        return moved

    def _written(self, path: Path) -> tuple[int, int]:
        data = b"".join(body + b"\n" for body in self.calls.values())

        def fill(target: int) -> None:
            disk.write(target, data)
            if self._synced:
                disk.sync(target)

        fd = disk.publish(path, fill)
        self.made += 1
        return fd, len(data)

    def duplicate(self) -> int:
        """Another descriptor of the open file, for the thread that syncs it.

        Raises:
            OSError: there is none to be had.
        """
        return disk.duplicate(self._fd)

    def close(self) -> None:
        """Close the file; once is enough."""
        disk.close(self._fd)
        self._fd = -1
