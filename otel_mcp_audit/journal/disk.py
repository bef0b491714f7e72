"""The one place that touches the disk for journal data; a test bends ``calls`` to inject a short write, ENOSPC or EIO.

Files are 0600, never inherited by a started program, and never reached through a symbolic link as last component.
"""

import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700

_SAFE: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_APPEND: Final = os.O_RDWR | os.O_APPEND | _SAFE
_UNPUBLISHED: Final = ".new"
_COPY_BYTES: Final = 1024 * 1024


class Calls:
    """The operating system's calls by which journal data changes."""

    def __init__(self) -> None:
        self.write: Callable[[int, bytes | memoryview], int] = os.write
        self.fstat: Callable[[int], os.stat_result] = os.fstat
        self.ftruncate: Callable[[int, int], None] = os.ftruncate
        self.replace: Callable[[Path, Path], None] = os.replace
        self.sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


calls: Final = Calls()


class Identity(NamedTuple):
    """Which file a name leads to."""

    device: int
    inode: int


def create(path: Path) -> int:
    """Open a new file for appending and reading.

    Raises:
        FileExistsError: the name is taken.
        OSError: the file cannot be made.
    """
    fd = os.open(path, _APPEND | os.O_CREAT | os.O_EXCL, FILE_MODE)
    os.fchmod(fd, FILE_MODE)  # whatever the umask is
    return fd


def make_folder(path: Path) -> None:
    """Make a folder (0700), and those above it that are missing.

    Raises:
        FileExistsError: the name is taken.
        OSError: it cannot be made.
    """
    for above in reversed(path.parents):
        if not above.exists():
            with suppress(FileExistsError):  # another process of ours was quicker
                _make(above)
    _make(path)


def _make(folder: Path) -> None:
    folder.mkdir(mode=FOLDER_MODE)
    folder.chmod(FOLDER_MODE)  # whatever the umask is


def reopen(path: Path) -> int:
    """Open an existing regular file for appending and reading.

    Raises:
        OSError: it is not there, is no regular file, or cannot be opened.
    """
    return _regular(os.open(path, _APPEND), path)


def open_for_reading(path: Path) -> int:
    """Open an existing regular file for reading.

    Raises:
        OSError: it is not there, is no regular file, or cannot be opened.
    """
    return _regular(os.open(path, os.O_RDONLY | _SAFE), path)


def _regular(fd: int, path: Path) -> int:
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(f"{path} is no regular file")


def anonymous() -> int:
    """Open a file without a name, which goes when it is closed.

    Raises:
        OSError: there is neither an anonymous file nor a temporary one to be had.
    """
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("otel-mcp-audit")
        # Appending, not at a remembered offset: after a cut the next line must follow the last one.
        _set_append(fd)
        return fd
    fd, name = tempfile.mkstemp(prefix="otel-mcp-audit-")
    Path(name).unlink()
    _set_append(fd)
    return fd


def _set_append(fd: int) -> None:
    import fcntl  # noqa: PLC0415 -- POSIX only, and only memory mode needs it

    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_APPEND)


def close(fd: int) -> None:
    """Close a descriptor; an error in closing changes nothing for ``process`` durability."""
    with suppress(OSError):
        os.close(fd)


def write(fd: int, data: bytes) -> None:
    """Write all of ``data``.

    Raises:
        OSError: some bytes may have been written: the caller cuts the file back.
    """
    written = calls.write(fd, data)
    if written == len(data):
        return
    rest = memoryview(data)[written:]
    while rest:
        rest = rest[calls.write(fd, rest) :]


def cut(fd: int, size: int) -> None:
    """Shorten the file to ``size`` bytes."""
    calls.ftruncate(fd, size)


def sync(fd: int) -> None:
    """Have what was written to an open file on the disk; blocks for as long as the disk takes.

    Raises:
        OSError: some of it is not, and the next call will not say so again: what was not synced must be written anew.
    """
    calls.sync(fd)


def sync_folder(path: Path) -> None:
    """Have the names in a folder on the disk.

    Raises:
        OSError: they are not.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _SAFE)
    try:
        os.fsync(fd)
    finally:
        close(fd)


def duplicate(fd: int) -> int:
    """Another descriptor of the same open file, for a thread of its own.

    Raises:
        OSError: there is none to be had.
    """
    return os.dup(fd)


def status(fd: int) -> os.stat_result:
    """What the operating system knows of an open file."""
    return calls.fstat(fd)


def read(fd: int, offset: int, limit: int) -> bytes:
    """Read at most ``limit`` bytes from ``offset``; fewer only at the end of the file."""
    data = os.pread(fd, limit, offset)
    while 0 < len(data) < limit:
        more = os.pread(fd, limit - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def load(path: Path, limit: int) -> bytes:
    """Read a small file whole.

    Raises:
        OSError: it cannot be read, or is larger than ``limit`` bytes.
    """
    fd = open_for_reading(path)
    try:
        data = read(fd, 0, limit + 1)
    finally:
        close(fd)
    if len(data) > limit:
        raise OSError(f"{path} is larger than {limit} bytes")
    return data


def copy(source: int, size: int, target: int) -> None:
    """Append the first ``size`` bytes of one open file to another."""
    offset = 0
    while offset < size:
        piece = read(source, offset, min(_COPY_BYTES, size - offset))
        if not piece:
            return
        write(target, piece)
        offset += len(piece)


def save(path: Path, data: bytes) -> None:
    """Replace a file atomically.

    Raises:
        OSError: the file is as it was.
    """
    close(publish(path, lambda fd: write(fd, data)))


def publish(path: Path, fill: Callable[[int], None]) -> int:
    """Make a file under another name, fill it, then give it its name; answers its descriptor, open for appending.

    Raises:
        OSError: whatever had the name before still has it.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}{_UNPUBLISHED}")
    fresh.unlink(missing_ok=True)
    fd = create(fresh)
    try:
        fill(fd)
        calls.replace(fresh, path)
    except BaseException:
        close(fd)
        fresh.unlink(missing_ok=True)
        raise
    return fd


def unpublished(path: Path) -> bool:
    """Whether a file was left behind by a process that was killed before it could give the file its name."""
    return path.name.startswith(".") and path.suffix == _UNPUBLISHED


def names(folder: Path) -> list[str]:
    """The names in a folder; a tenth of the cost of as many paths, and there may be a thousand folders.

    Raises:
        OSError: the folder cannot be read.
    """
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def identity(path: Path) -> Identity | None:
    """Which file a name leads to, without following a link; None where the name leads nowhere.

    Raises:
        PermissionError: it cannot be seen.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Identity(found.st_dev, found.st_ino)


def make_way(path: Path) -> Path | None:
    """Move what stands at ``path`` aside to ``<name>.foreign-<n>``; answers the new name, None where nothing stood."""
    if identity(path) is None:
        return None
    n = 1
    while identity(aside := path.with_name(f"{path.name}.foreign-{n}")) is not None:
        n += 1
    calls.replace(path, aside)
    return aside
