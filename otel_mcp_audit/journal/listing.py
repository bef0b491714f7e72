"""The streams in a journal's folder."""

import os
import stat
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class StreamFolder(NamedTuple):
    """A stream's folder, and when an entry of it last came, went or was replaced: seconds since the epoch."""

    changed: float
    path: Path


def stream_folders(root: Path, report: Callable[[str], None] = lambda _: None) -> list[StreamFolder]:
    """The folders in a journal that hold a stream of this user, those changed longest ago first.

    Args:
        root: the journal's folder.
        report: told of each name that is passed over, in words.
    """
    try:
        with os.scandir(root) as entries:
            streams = [(entry, entry.stat(follow_symlinks=False)) for entry in entries if _is_uuid(entry.name)]
    except OSError as error:
        report(f"folder {root} cannot be read: {error.strerror}")
        return []
    found: list[StreamFolder] = []
    for entry, status in streams:
        if not stat.S_ISDIR(status.st_mode):
            report(f"stream {entry.path} is no folder: passed over")
        elif status.st_uid != os.geteuid():
            report(f"stream {entry.path} belongs to user {status.st_uid}: passed over")
        else:
            found.append(StreamFolder(status.st_mtime, Path(entry.path)))
    return sorted(found)


def _is_uuid(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
