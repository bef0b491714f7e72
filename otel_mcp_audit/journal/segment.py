"""One append-only file of journal lines, on disk or anonymous."""

import errno
from enum import Enum
from pathlib import Path

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import disk, tail


class Damage(Enum):
    """What somebody else did to the file while it was open."""

    UNLINKED = "unlinked"
    SHORTER = "shorter"
    LONGER = "longer"
    ASTRAY = "astray"


class Damaged(JournalError):  # noqa: N818 -- what the file is
    """The file is not as its last writer left it: nothing was written."""

    def __init__(self, path: Path, damage: Damage) -> None:
        super().__init__(f"journal file {path} was changed by somebody else: {damage.value}")
        self.damage = damage


def file_name(first: int) -> str:
    """The name of the segment that begins with record ``first``."""
    return f"{first:012d}.jsonl"


class Segment:
    """Lines in a file that only grows.

    Args:
        fd: open for appending and reading; the segment closes it.
        first: sequence number of its first record.
        path: its name; None for an anonymous file, which nobody else can reach.

    Attributes:
        size: bytes written and acknowledged.
        broken: a failed write left a torn half behind that could not be cut off yet.
        unsynced: the lines that no sync has covered yet; None where none is ever asked for.
        held: their bytes.
        syncing: another thread is syncing the file: it is closed when that has come back.
        untrusted: a sync of the file has failed: whatever it reads back or syncs later proves nothing.
    """

    __slots__ = ("_closing", "_fd", "broken", "first", "held", "path", "size", "syncing", "unsynced", "untrusted")

    def __init__(self, fd: int, first: int, path: Path | None = None, *, synced: bool = False) -> None:
        self._fd = fd
        self.first = first
        self.path = path
        self.size = disk.status(fd).st_size
        self.broken = False
        self.unsynced: list[bytes] | None = [] if synced else None
        self.held = 0
        self.syncing = False
        self._closing = False
        self.untrusted = False

    @classmethod
    def create(cls, folder: Path, first: int, *, synced: bool = False) -> "Segment":
        """Make a new segment; whatever else has its name is moved aside.

        Args:
            folder: the stream's folder.
            first: sequence number of its first record.
            synced: its lines will be synced, and are remembered until they are.

        Raises:
            OSError: it cannot be made.
        """
        path = folder / file_name(first)
        disk.make_way(path)
        return cls(disk.create(path), first, path, synced=synced)

    @classmethod
    def open(cls, folder: Path, first: int) -> "Segment":
        """Open an existing segment to go on with it.

        Raises:
            OSError: it cannot be opened, or is no regular file.
        """
        path = folder / file_name(first)
        return cls(disk.reopen(path), first, path)

    @classmethod
    def anonymous(cls, first: int) -> "Segment":
        """A segment without a name: it ends with this process.

        Raises:
            OSError: there is no room for one.
        """
        return cls(disk.anonymous(), first)

    def append(self, data: bytes) -> None:
        """Write whole lines at the end.

        Raises:
            Damaged: the file is not as it was left; nothing was written.
            OSError: nothing of ``data`` stays in the file, or the segment is ``broken``.
        """
        if self.path is not None:
            # One call tells all that matters here: does the file still have a name, and is its end our end?
            found = disk.calls.fstat(self._fd)
            if found.st_nlink == 0:
                raise Damaged(self.path, Damage.UNLINKED)
            if found.st_size != self.size:
                raise Damaged(self.path, Damage.SHORTER if found.st_size < self.size else Damage.LONGER)
        size = self.size
        try:
            disk.write(self._fd, data)
            self.size = size + len(data)
            if self.unsynced is not None:
                self.unsynced.append(data)
                self.held += len(data)
        except BaseException:  # an interrupt between the two as well
            self.size = size
            self.mend()
            raise

    def retract(self, data: bytes) -> bool:
        """Take the last line back, if it is ``data``; answers whether it was."""
        start = self.size - len(data)
        if start < 0 or self.read(start, len(data)) != data:
            return False
        self.size = start
        if self.unsynced and self.unsynced[-1] == data:
            self.held -= len(self.unsynced.pop())
        self.mend()
        return True

    def mend(self) -> None:
        """Cut off what a failed write left, so that the next line can never be glued to a torn half."""
        try:
            disk.cut(self._fd, self.size)
            self.broken = False
        except OSError:
            self.broken = True

    def astray(self) -> bool:
        """Whether the name no longer leads to this file.

        Raises:
            PermissionError: the name cannot be looked up.
        """
        assert self.path is not None, "an anonymous file has no name to look up"
        found = disk.status(self._fd)
        return disk.identity(self.path) != (found.st_dev, found.st_ino)

    def nameless(self) -> bool:
        """Whether the file has no name left anywhere."""
        return disk.status(self._fd).st_nlink == 0

    def size_found(self) -> int:
        """Bytes that the file really has."""
        return disk.status(self._fd).st_size

    def restored(self) -> "Segment":
        """A copy of what the open file still has, under its name; whatever took its place is moved aside.

        Raises:
            OSError: the copy cannot be made; this segment is as it was.
        """
        assert self.path is not None, "an anonymous file has no place to come back to"
        size = min(self.size, self.size_found())
        disk.make_way(self.path)
        fd = disk.publish(self.path, lambda target: self._fill(target, size, b""))
        return Segment(fd, self.first, self.path, synced=self.unsynced is not None)

    def rewritten(self) -> "Segment":
        """A new file in this one's place, synced: what a sync had covered is copied, the rest comes from memory.

        Raises:
            OSError: it cannot be made; this segment is as it was.
        """
        assert self.path is not None, "an anonymous file is never synced"
        rest = b"".join(self.unsynced or ())
        fd = disk.publish(self.path, lambda target: self._fill(target, self.size - len(rest), rest))
        return Segment(fd, self.first, self.path, synced=True)

    def _fill(self, target: int, size: int, rest: bytes) -> None:
        disk.copy(self._fd, size, target)
        if disk.status(target).st_size != size:
            raise OSError(errno.EIO, "the file became shorter while it was copied")
        disk.write(target, rest)
        if self.unsynced is not None:
            disk.sync(target)

    def covered(self, lines: int) -> None:
        """Forget the first ``lines`` lines that were not synced: now they are."""
        if self.unsynced is not None:
            self.held -= sum(map(len, self.unsynced[:lines]))
            del self.unsynced[:lines]

    def sync(self) -> None:
        """Have on the disk what was written so far. Not under the stream's lock, but ``syncing`` was set under it.

        Raises:
            OSError: some of it is not, and the file is not trusted from now on.
        """
        if self.untrusted:
            raise OSError(errno.EIO, "an earlier sync of this file has failed")
        try:
            disk.sync(self._fd)
        except OSError:
            self.untrusted = True
            raise

    def come_back(self) -> None:
        """The sync has come back, under the stream's lock."""
        self.syncing = False
        if self._closing:
            self.close()

    def read(self, offset: int, limit: int) -> bytes:
        """At most ``limit`` bytes from ``offset``."""
        return disk.read(self._fd, offset, limit)

    def repair(self) -> int:
        """Cut a torn tail off, back to the last line end; answers the bytes cut.

        Raises:
            OSError: it cannot be cut.
        """
        end = self.last_line_end()
        torn = self.size_found() - end
        if torn:
            disk.cut(self._fd, end)
        self.size = end
        return torn

    def last_line_end(self) -> int:
        """The offset after the last line end; 0 where there is none."""
        return tail.last_line_end(self.read, self.size_found())

    def close(self) -> None:
        """Close the file; once is enough."""
        if self.syncing:
            self._closing = True
            return
        disk.close(self._fd)
        self._fd = -1
