"""The files of a verification: found in folders without following links out of them, unpacked within bounds."""

import contextlib
import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from otel_mcp_audit.errors import AuditError

PIECE: Final = 16 * 1024 * 1024
"""Bytes of a line that are looked at in one piece; longer lines are looked at in several."""

UNPACKED_FREE: Final = 16 * 1024 * 1024
UNPACKED_RATIO: Final = 200
"""Beyond the first 16 MiB a file may unpack to this many times its size.

Two SHA-256 hashes in each line do not compress: journals reach 10 to 30. A gzip bomb has 1,000.
"""

_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
_GZIP: Final = b"\x1f\x8b"
_SEGMENT: Final = re.compile(r"[0-9]{12,16}\.jsonl")
_OWN: Final = (".cursor", ".starts", ".quarantine.jsonl")


class UnreadableError(AuditError):
    """A file or folder that cannot be read, and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Source(NamedTuple):
    """One file to read.

    Attributes:
        path: where it is.
        named: it was named itself, not found in a folder.
        journal: it stands in a journal folder that is read as a whole.
    """

    path: Path
    named: bool
    journal: bool


def sources(path: Path) -> Iterator[Source | UnreadableError]:
    """Every file of a path that was named: itself, or those of the folder, in name order.

    The journal's own files that hold no sealed lines (lock, cursors, start lines, quarantine) are passed over.
    """
    try:
        if not path.is_dir():
            yield Source(path, named=True, journal=False)
            return
        whole = is_journal(path)
    except OSError as error:
        yield UnreadableError(path, reason(error))
        return
    yield from _folder(path, whole)


def is_journal(folder: Path) -> bool:
    """Whether a folder holds stream folders with segments."""
    return any(
        is_segment(file) for stream in folder.iterdir() if stream.is_dir() for file in stream.glob("[0-9]*.jsonl")
    )


def is_segment(file: Path) -> bool:
    """Whether a file has the name of a journal segment."""
    return _SEGMENT.fullmatch(file.name) is not None


def pieces(source: Source) -> Iterator[bytes]:
    """A file's lines with their line ends; a line longer than ``PIECE`` in pieces.

    Raises:
        UnreadableError: it cannot be read, or not to its end.
    """
    try:
        with _open(source) as file:
            packed = _is_gzip(file)
            unpacked = _Unpacked(source.path, file) if packed else file
            while piece := unpacked.readline(PIECE):
                yield piece
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(source.path, f"damaged gzip: {error}") from error
    except OSError as error:
        raise UnreadableError(source.path, reason(error)) from error


def size(paths: Iterable[Path]) -> int:
    """Bytes of all that would be read, as they lie on disk; what cannot be looked at counts nothing."""
    total = 0
    for path in paths:
        for source in sources(path):
            if isinstance(source, Source):
                with contextlib.suppress(OSError):
                    total += source.path.stat().st_size
    return total


def reason(error: OSError) -> str:
    """Why the operating system refused, in plain words."""
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    return f"cannot be read: {(error.strerror or str(error)).lower()}"


def _folder(top: Path, whole: bool) -> Iterator[Source | UnreadableError]:
    refused: list[OSError] = []
    for folder, folders, names in os.walk(top, onerror=refused.append):
        folders.sort()
        links = [name for name in folders if Path(folder, name).is_symlink()]  # not walked into: said as files are
        for name in sorted([*names, *links]):
            file = Path(folder, name)
            if name != "lock" and not name.endswith(_OWN) and not (file.is_symlink() and _inside(file, top)):
                yield Source(file, named=False, journal=whole)
    yield from (UnreadableError(Path(error.filename), reason(error)) for error in refused)


def _inside(link: Path, top: Path) -> bool:
    """Whether a link leads to something in the folder itself, which is read under its own name."""
    try:
        return link.resolve(strict=True).is_relative_to(top.resolve())
    except (OSError, RuntimeError):  # it leads nowhere, or round in a circle
        return False


def _open(source: Source) -> BinaryIO:
    """Open a file that was found only if it is a plain file and no link; one that was named may be anything."""
    if source.named:
        return source.path.open("rb")
    file = open(source.path, "rb", opener=_found)  # noqa: SIM115 -- Path.open takes no opener; pieces() closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise UnreadableError(source.path, "no plain file")
    return file


def _found(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_LINK | _NO_WAIT)


def _is_gzip(file: BinaryIO) -> bool:
    peek = getattr(file, "peek", None)
    return peek is not None and peek(2)[:2] == _GZIP


class _Unpacked:
    """A gzip file that must not unpack to more than a journal can."""

    def __init__(self, path: Path, packed: BinaryIO) -> None:
        self._path = path
        self._packed = packed
        self._lines = gzip.GzipFile(fileobj=packed, mode="rb")
        self._size = 0

    def readline(self, limit: int) -> bytes:
        line = self._lines.readline(min(limit, UNPACKED_FREE))
        self._size += len(line)
        if self._size > UNPACKED_FREE + UNPACKED_RATIO * self._packed.tell():
            raise UnreadableError(self._path, f"unpacks to over {UNPACKED_RATIO} times its size: no journal does")
        return line
