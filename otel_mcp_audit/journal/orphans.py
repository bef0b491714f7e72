"""Streams whose owner is gone: told apart from living and finished ones, and adopted by one process only."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import edition, ending, starts
from otel_mcp_audit.journal.beginning import beginning
from otel_mcp_audit.journal.listing import stream_folders
from otel_mcp_audit.journal.lock import LOCK_NAME, Lock
from otel_mcp_audit.journal.stream import Stream
from otel_mcp_audit.line import Head

IDLE_S: Final = 600.0
"""Seconds without a change after which a stream of another host or boot counts as left."""

_HEADS: Final = 50


class Origin(NamedTuple):
    """Where a stream comes from, as its first line says in ``event.trail``."""

    host: str
    boot_id: str
    service: str
    sinks: Sequence[str]


class Orphan:
    """A stream that may be adopted.

    Attributes:
        path: its folder.
        origin: where it comes from.
        problem: why ``adopt`` answered None, where that was not another process.
    """

    def __init__(self, path: Path, origin: Origin) -> None:
        self.path = path
        self.origin = origin
        self.problem: str | None = None

    def adopt(self) -> Stream | None:
        """Take the stream over: its writer is this process from now on. None where another was quicker."""
        try:
            return self._adopt()
        except (OSError, JournalError) as error:
            self.problem = f"stream {self.path} cannot be adopted: {error}"
            return None

    def _adopt(self) -> Stream | None:
        edition.check(self.path)
        lock = Lock(self.path)
        if not lock.path.exists() and not _idle(self.path):
            raise JournalError("its lock file is gone, so its owner may live")
        if not lock.take():
            return None
        with ExitStack() as undo:
            undo.callback(lock.release)
            if ending.finished(self.path, self.origin.sinks):  # adopted, delivered and left by another
                return None
            stream = Stream.reopen(self.path, lock)
            undo.pop_all()
            return stream


def find(root: Path, origin: Origin, report: Callable[[str], None] = lambda _: None) -> list[Orphan]:
    """The streams of a folder that a process may adopt, those changed longest ago first.

    One may be adopted when its lock is free and it comes from the same host and boot, or nothing has changed in it for
    ten minutes; when service and sinks are the same; when its lines have our format; and when it is not both closed and
    wholly delivered.

    Args:
        root: the journal's folder.
        origin: where the asking process is.
        report: told of each stream that cannot be used, in words.
    """
    found: list[Orphan] = []
    for _, path in stream_folders(root, report):
        try:
            if not ending.finished(path, origin.sinks) and _left(path, origin):
                found.append(Orphan(path, origin))
        except (OSError, JournalError) as error:
            report(f"stream {path} cannot be adopted: {error}")
    return found


def _left(path: Path, origin: Origin) -> bool:
    edition.check(path)
    came_from = _origin(path)
    if came_from is None or came_from.service != origin.service or sorted(came_from.sinks) != sorted(origin.sinks):
        return False
    # A lock file that is gone says nothing: its owner may live, and be about to notice.
    near = came_from[:2] == origin[:2] and (path / LOCK_NAME).exists()
    return (near or _idle(path)) and _free(path)


def _origin(path: Path) -> Origin | None:
    """Where a stream comes from; None while it has no first line."""
    found = beginning(path)
    if found is None:
        return None
    return Origin(found.trail.host or "", found.trail.boot_id or "", found.service, found.trail.sinks or ())


def _idle(path: Path) -> bool:
    changed = max((entry.lstat().st_mtime for entry in path.iterdir()), default=0.0)
    return time.time() - changed > IDLE_S


def _free(path: Path) -> bool:
    """Whether no process holds the stream's lock.

    Raises:
        OSError: locks do not work here.
    """
    lock = Lock(path)
    if not lock.take():
        return False
    lock.release()
    return True


def heads(root: Path, limit: int = _HEADS) -> list[Head]:
    """The last records of the streams that have ended, the newest first.

    Args:
        root: the journal's folder.
        limit: at most so many.
    """
    found: list[Head] = []
    for _, path in reversed(stream_folders(root)):
        if len(found) >= limit:
            break
        try:
            # A closed stream has no start file: no need to ask its lock, at the start of every process.
            last = ending.last_of_stream(path) if not starts.files(path) or _free(path) else None
        except OSError:
            continue
        if last is not None and last.chain.stream == path.name:
            found.append(last.head)
    return found
