"""Where the journal lives: the ladder of folders, and what a folder must be like."""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import platformdirs

from otel_mcp_audit.errors import ConfigurationError, JournalError
from otel_mcp_audit.journal import disk

VARIABLE: Final = "OTEL_MCP_AUDIT_DIR"

_APP: Final = "otel-mcp-audit"
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def choose(explicit: str | None, environ: Mapping[str, str]) -> Path | None:
    """The journal folder: the explicit one, else the first of the ladder that can be used, else None: memory.

    The folder is made.

    Args:
        explicit: what ``OTEL_MCP_AUDIT_DIR`` or ``--dir`` says; None or empty is unset.
        environ: the process's environment.

    Raises:
        ConfigurationError: the explicit folder cannot be used.
    """
    if explicit:
        try:
            return _usable(Path(explicit).absolute())
        except JournalError as error:
            raise ConfigurationError(f"{VARIABLE}={explicit}: {error}") from error
    for candidate in ladder(environ):
        try:
            return _usable(candidate)
        except JournalError:
            continue
    return None


def ladder(environ: Mapping[str, str]) -> Iterator[Path]:
    """The folders that are tried in turn where none is set; nothing is made."""
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    yield from _absolute(Path(state) / _APP if state else None)
    yield from _absolute(_user_state())
    yield from _absolute(_temporary())


def _absolute(path: Path | None) -> Iterator[Path]:
    # A relative one would depend on the working folder of whoever reads it later.
    if path is not None and path.is_absolute():
        yield path


def _user_state() -> Path | None:
    try:
        return Path(platformdirs.user_state_dir()) / _APP
    except (RuntimeError, KeyError, OSError):  # no HOME and no account entry
        return None


def _temporary() -> Path | None:
    try:
        return Path(tempfile.gettempdir()) / f"{_APP}-{os.geteuid()}"
    except OSError:
        return None


def _usable(path: Path) -> Path:
    prepare(path)
    probe = path / f".probe-{os.getpid()}"
    try:
        probe.unlink(missing_ok=True)
        disk.close(disk.create(probe))
        probe.unlink()
    except OSError as error:
        raise JournalError(f"no file can be made in folder {path} ({_why(error)}): {_MEND}") from error
    return path


_MEND: Final = "name a folder that this user owns and can write, or one that can be made"


def prepare(path: Path) -> None:
    """Make a folder of ours (0700), or see that it is fit for a journal.

    Fit is: a folder, no symbolic link, owned by this user, written by nobody else, in a parent that only its owner
    writes or that is sticky. What may read it is its owner's choice.

    Raises:
        JournalError: it is not fit, or cannot be made; names the folder and the mend.
    """
    try:
        _make(path)
        found = path.lstat()
        parent = path.parent.stat()
    except OSError as error:
        raise JournalError(f"folder {path} cannot be used ({_why(error)}): {_MEND}") from error
    _check(path, found)
    if parent.st_mode & stat.S_IWOTH and not parent.st_mode & stat.S_ISVTX:
        raise JournalError(f"anybody can replace folder {path}: take the others' right to write from {path.parent}")


def _check(path: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise JournalError(f"folder {path} is a symbolic link: name the folder itself")
    if not stat.S_ISDIR(found.st_mode):
        raise JournalError(f"{path} is no folder: {_MEND}")
    if found.st_uid != os.geteuid():
        raise JournalError(
            f"folder {path} belongs to user {found.st_uid}, not to user {os.geteuid()}: "
            "change its owner, or name another folder"
        )
    if found.st_mode & _OTHERS_WRITE:
        raise JournalError(f"others can write in folder {path}: chmod go-w {path}")


def _make(path: Path) -> None:
    if disk.identity(path) is not None:
        return
    with suppress(FileExistsError):  # another process of ours was quicker
        disk.make_folder(path)


def _why(error: OSError) -> str:
    return error.strerror or str(error)
