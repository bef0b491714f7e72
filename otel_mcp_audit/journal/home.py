"""The folder that a stream lives in, as its one writer keeps it: whole, under its name, whatever happens to it."""

import errno
import time
from typing import Final

from otel_mcp_audit.journal import mending
from otel_mcp_audit.journal.files import Files
from otel_mcp_audit.journal.incident import Incident
from otel_mcp_audit.journal.segment import Damaged

LOOK_EVERY_S: Final = 1.0
"""Seconds after which names are looked up again: a moved folder is noticed with the first record after that."""

HELD_BYTES: Final = 16 * 1024 * 1024
"""Bytes of lines that wait to be synced: where the disk takes no sync, memory must not fill instead."""


class Home:
    """Where the records and starts of one stream are kept on disk.

    Args:
        files: the stream's files.
        segment_bytes: where a segment ends.
    """

    __slots__ = ("_look_at", "_segment_bytes", "_shut_out", "_turn_at", "files")

    def __init__(self, files: Files, segment_bytes: int) -> None:
        self.files = files
        self._segment_bytes = segment_bytes
        self._look_at = time.monotonic() + LOOK_EVERY_S
        self._turn_at = 0.0
        self._shut_out = False

    @property
    def calls(self) -> dict[str, bytes]:
        """Bodies of the open calls by call id."""
        return self.files.starts.calls

    @property
    def total(self) -> int:
        """Bytes of the segments and the start file."""
        return self.files.size

    @property
    def incidents(self) -> list[Incident]:
        """What happened to the files behind the writer's back."""
        return self.files.incidents

    def begin(self, call_id: str, body: bytes, seq: int) -> None:
        """Note a start; ``seq`` is the next record's number.

        Raises:
            JournalError: it was not kept.
            OSError: it was not kept.
        """
        if self.files.taken or time.monotonic() >= self._look_at:
            self._look(seq)
        try:
            self.files.starts.begin(call_id, body)
        except Damaged:
            self._mend(seq)
            self.files.starts.begin(call_id, body)
        self.files.starts.shorten_beyond(self._segment_bytes)

    def keep(self, line: bytes, seq: int) -> None:
        """Append record ``seq``.

        Raises:
            JournalError: it was not kept.
            OSError: it was not kept, and no part of it will be taken for a record.
        """
        if self.files.taken or time.monotonic() >= self._look_at:
            self._look(seq)
        if self.files.held > HELD_BYTES:
            raise OSError(errno.EIO, "the disk takes no syncs, and memory keeps no more of what is not synced")
        segment = self.files.segment
        if segment.broken or segment.size + len(line) > self._segment_bytes:
            self._make_room(len(line), seq)
        try:
            self.files.segment.append(line)
        except Damaged:
            self._mend(seq)
            self.files.segment.append(line)

    def retract(self, line: bytes) -> None:
        """Take a record back that was written and could not be acknowledged."""
        self.files.segment.retract(line)

    def _make_room(self, size: int, seq: int) -> None:
        segment = self.files.segment
        if segment.broken:
            segment.mend()
        if segment.broken:
            self.files.turn(seq)
        elif segment.size and segment.size + size > self._segment_bytes and time.monotonic() >= self._turn_at:
            try:
                self.files.turn(seq)
            except OSError:  # a longer segment is better than a lost record
                self._turn_at = time.monotonic() + LOOK_EVERY_S

    def _look(self, seq: int) -> None:
        if self.files.taken:
            raise self.files.usurped()
        try:
            placed = mending.in_place(self.files)
            self._shut_out = False
        except PermissionError:
            # Where the folder cannot be opened again, all goes on through the files that are open.
            placed = not self._open_up()
        if not placed:
            self._mend(seq)
        self._look_at = time.monotonic() + LOOK_EVERY_S

    def _mend(self, seq: int) -> None:
        try:
            mending.mend(self.files, seq)
        except PermissionError:
            if not self._open_up():
                raise
            mending.mend(self.files, seq)

    def _open_up(self) -> bool:
        if not self._shut_out:
            self.files.note(Incident("folder_mode"))
        opened = mending.open_up(self.files)
        self._shut_out = not opened
        return opened

    def close(self) -> None:
        """Close all files and give the lock back."""
        self.files.close()

    def abandon(self) -> None:
        """In a forked child: close the inherited descriptors and touch nothing else."""
        self.files.abandon()
