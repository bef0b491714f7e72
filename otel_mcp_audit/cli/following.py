"""What is written to a journal from now on."""

import contextlib
import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from otel_mcp_audit.cli.newest import decoded, stream_folders
from otel_mcp_audit.journal import BEGINNING, Position, Reader
from otel_mcp_audit.journal.reader import FolderSegments
from otel_mcp_audit.record import AuditRecord

POLL_S: Final = 0.2
"""Seconds between two looks at the folder."""

_BATCH: Final = 1000
_BATCH_BYTES: Final = 4 * 1024 * 1024
_SETTLED_NS: Final = 2_000_000_000
"""A folder changed longer ago than this shows its last change in its time stamp, however coarse that is."""


def new_records(root: Path, ends: dict[Path, Position]) -> Iterator[list[AuditRecord]]:
    """The records of every stream that is there or comes, as they come, until nobody reads stdout any more.

    Args:
        root: the journal's folder.
        ends: where each stream ended; one that is not named is read from its beginning.
    """
    streams = {folder: _Stream(folder, position) for folder, position in ends.items()}
    while _wait(POLL_S):
        for folder in stream_folders(root):
            if folder not in streams:
                streams[folder] = _Stream(folder, BEGINNING)
        records = [record for stream in streams.values() for record in stream.read()]
        if records:
            yield records


class _Stream:
    def __init__(self, folder: Path, position: Position) -> None:
        self._folder = folder
        self._reader = Reader(folder)
        self._position = position
        self._seen: tuple[int, int] | None = None

    def read(self) -> Iterator[AuditRecord]:
        """The records since the last time; costs two looks at the folder where nothing has changed."""
        seen = self._state()
        if seen is None or seen == self._seen:
            return
        while lines := self._reader.read(self._position, records=_BATCH, limit=_BATCH_BYTES):
            self._position = lines[-1][1]
            yield from (record for line, _ in lines if (record := decoded(line)) is not None)
        self._seen = seen if time.time_ns() - seen[0] > _SETTLED_NS else None

    def _state(self) -> tuple[int, int] | None:
        """When a segment came or went, and the size of the last one; None where the folder is gone."""
        try:
            return self._folder.stat().st_mtime_ns, FolderSegments(self._folder).size(self._position.segment)
        except OSError:
            return None


def _wait(seconds: float) -> bool:
    """Wait; answers False when stdout is a pipe that nobody reads any more."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # no descriptor, or no poll on this platform
        if stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode):
            poll = select.poll()
            poll.register(sys.stdout.fileno(), 0)
            return not poll.poll(seconds * 1000)
    time.sleep(seconds)
    return True
