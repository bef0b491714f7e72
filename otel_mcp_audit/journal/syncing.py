"""Lines brought to the disk: one sync is shared by all who wait, and a file whose sync failed is never trusted again.

After a failed sync the operating system may have dropped what it could not write, and the next sync of the same file
answers that all is well. So the lines that no sync has covered are kept in memory, and are written to a new file.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import disk
from otel_mcp_audit.journal.files import Files
from otel_mcp_audit.journal.incident import SYNC_FAILED, Incident
from otel_mcp_audit.journal.segment import Segment

WAIT_S: Final = 2.0
"""Seconds that one sync waits for another to come back; beyond that the disk hangs."""


class Commit:
    """Syncs of one kind, one at a time: whoever comes while one is under way shares the next (group commit).

    Args:
        sync: syncs all that was written so far, and answers the mark up to which it did.
    """

    def __init__(self, sync: Callable[[], int]) -> None:
        self._sync = sync
        self._turn = threading.Lock()
        self.done = 0

    def wait(self, mark: int) -> None:
        """Return when all up to ``mark`` is on the disk. Blocks: not for the event loop.

        Raises:
            JournalError: it is not.
        """
        if self.done >= mark:
            return
        if not self._turn.acquire(timeout=WAIT_S):
            raise JournalError(f"the disk has not come back from a sync for {WAIT_S:g} seconds")
        try:
            if self.done < mark:
                self.done = self._sync()
        finally:
            self._turn.release()


class Due(NamedTuple):
    """What must be on the disk before anybody is told of it."""

    commit: Commit
    mark: int

    @property
    def done(self) -> bool:
        """Whether it is."""
        return self.commit.done >= self.mark

    def wait(self) -> None:
        """Return when it is; see ``Commit.wait``."""
        self.commit.wait(self.mark)


class Part(NamedTuple):
    """A segment of which the first ``lines`` lines that are not synced are to be."""

    segment: Segment
    lines: int


def parts(files: Files) -> Sequence[Part]:
    """What one sync has to cover. Under the stream's lock; to be given back to ``come_back``."""
    some = [Part(each, len(each.unsynced or ())) for each in (*files.retired, files.segment) if each.unsynced]
    for part in some:
        part.segment.syncing = True
    return some


def come_back(files: Files, some: Sequence[Part], *, covered: bool) -> None:
    """The sync has come back: forget the lines that it has covered. Under the stream's lock."""
    for segment, lines in some:
        if covered:
            segment.covered(lines)
        segment.come_back()
    _release(files)


def _release(files: Files) -> None:
    for segment in [retired for retired in files.retired if not retired.unsynced]:
        files.retired.remove(segment)
        segment.close()


def rewrite(files: Files) -> None:
    """Put synced copies in the place of the files that a sync has not covered. Under the stream's lock.

    Raises:
        OSError: the disk takes nothing; what was not synced stays in memory, and is tried again.
    """
    for place, segment in enumerate(files.retired):
        files.retired[place] = _rewritten(segment)
    files.segment = _rewritten(files.segment)
    disk.sync_folder(files.path)
    _release(files)
    files.note(Incident(SYNC_FAILED))


def _rewritten(segment: Segment) -> Segment:
    if not segment.unsynced:
        return segment
    fresh = segment.rewritten()
    segment.close()
    return fresh


def sync_root(path: Path) -> None:
    """Have a stream's own name in its journal folder on the disk, as far as that can be had."""
    with suppress(OSError):
        disk.sync_folder(path.parent)
