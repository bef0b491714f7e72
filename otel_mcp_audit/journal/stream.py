"""One chain of records by one writer: sealed, linked, and kept before anybody is told so."""

import errno
import os
import threading
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from otel_mcp_audit import seal
from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal.files import Files
from otel_mcp_audit.journal.home import Home
from otel_mcp_audit.journal.incident import Incident
from otel_mcp_audit.journal.lock import Lock
from otel_mcp_audit.journal.memory import MEMORY_BYTES, Memory
from otel_mcp_audit.journal.recovery import recover
from otel_mcp_audit.journal.stream_reader import StreamReader
from otel_mcp_audit.journal.syncing import Due
from otel_mcp_audit.journal.syncs import Syncs
from otel_mcp_audit.line import Head

SEGMENT_BYTES: Final = 8 * 1024 * 1024
"""Where a segment ends."""

LONGEST_KEPT: Final = 64 * 1024
"""Bytes of a line that is kept: four times what the recorder may write."""

_WAIT_S: Final = 2.0
"""Seconds that one thread waits for another's append; beyond that a full disk or a dead mount holds it."""


class Entry(NamedTuple):
    """A record that is kept: its line without line end, its place in the chain, and its hash."""

    line: bytes
    link: seal.Link
    hash: str


class Stream:
    """The writer of one stream. Made by ``create`` or ``reopen``; safe in threads, not in a forked child.

    Nothing is acknowledged, that is no ``begin`` or ``append`` returns, before it is in a file that has a name (without
    a folder: in the anonymous one). What somebody did to the files is mended first, and noted in ``incidents``.
    """

    def __init__(self, stream_id: str, store: Home | Memory, head: Head | None, next_seq: int) -> None:
        self._id = stream_id
        self._store = store
        self._last = head.seq if head else 0
        self._next = seal.Link(stream_id, next_seq, head.hash if head else seal.GENESIS)
        self._lock = threading.Lock()
        self._holder = 0
        self._pid = os.getpid()
        self._closed = False
        self._syncs = Syncs(store, self._held) if isinstance(store, Home) and store.files.synced else None

    @classmethod
    def create(
        cls,
        root: Path | None,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        memory_bytes: int = MEMORY_BYTES,
        synced: bool = False,
    ) -> "Stream":
        """Begin a new stream in the journal's folder, or in memory where there is none; its lock is held.

        Args:
            root: the journal's folder, or None.
            segment_bytes: where a segment ends.
            memory_bytes: without a folder: bytes that are kept.
            synced: with a folder: ``due`` says what to wait for until a record is on the disk.

        Raises:
            JournalError: it cannot be made.
        """
        stream_id = str(uuid.uuid4())
        if root is None:
            return cls(stream_id, Memory(segment_bytes, memory_bytes), None, 1)
        path = root / stream_id
        try:
            return cls(stream_id, Home(Files.create(path, synced=synced), segment_bytes), None, 1)
        except OSError as error:
            raise JournalError(f"stream {path} could not be made: {_why(error)}") from error

    @classmethod
    def reopen(cls, path: Path, lock: Lock, *, segment_bytes: int = SEGMENT_BYTES) -> "Stream":
        """Go on with a stream whose owner is gone: repaired, its open calls loaded, positioned at its end.

        Args:
            path: the stream's folder.
            lock: its lock, taken; released with the stream.
            segment_bytes: where a segment ends.

        Raises:
            JournalError: it cannot be gone on with.
        """
        try:
            files, head, next_seq = recover(path, lock)
        except OSError as error:
            raise JournalError(f"stream {path} could not be repaired: {_why(error)}") from error
        return cls(path.name, Home(files, segment_bytes), head, next_seq)

    @property
    def id(self) -> str:
        """The stream's UUID."""
        return self._id

    @property
    def path(self) -> Path | None:
        """The stream's folder; None in memory."""
        return self._store.files.path if isinstance(self._store, Home) else None

    @property
    def head(self) -> Head | None:
        """The last record that was kept; None before the first."""
        return Head(self._next.prev, self._last, self._id) if self._last else None

    @property
    def open_calls(self) -> Mapping[str, bytes]:
        """Start bodies of the calls that have begun and not ended, by call id: a view, not a copy."""
        return MappingProxyType(self._store.calls)

    @property
    def size_bytes(self) -> int:
        """Bytes that the stream's records and starts take."""
        return self._store.total

    @property
    def incidents(self) -> list[Incident]:
        """What must go on record as ``audit_gap``; the caller takes each out of the list."""
        return self._store.incidents

    @property
    def taken(self) -> bool:
        """Another process has taken this stream over: begin a new one."""
        return isinstance(self._store, Home) and self._store.files.taken

    def begin(self, call_id: str, body: bytes) -> None:
        """Keep the start of a call.

        Args:
            call_id: the call's id, which is the ``event.id`` in ``body``.
            body: an encoded ``Body``: the event as far as it is known.

        Raises:
            JournalError: it was not kept.
        """
        self._enter()
        try:
            self._store.begin(call_id, body, self._next.seq)
        except OSError as error:
            raise self._failed(f"the start of call {call_id}", error) from error
        finally:
            self._leave()

    def append(self, body: bytes, *, ends: str | None = None) -> Entry:
        """Seal a record and keep it as the next of the stream.

        Args:
            body: an encoded ``Body``.
            ends: id of the call that this record ends.

        Raises:
            JournalError: it was not kept; the next one gets its sequence number.
        """
        self._enter()
        try:
            link = self._next
            line, digest = seal.seal(body, link)
            if len(line) > LONGEST_KEPT:
                raise JournalError(f"a record of {len(line)} bytes is not kept: at most {LONGEST_KEPT} are")
            self._keep(line, link, digest)
            if ends is not None:
                self._store.calls.pop(ends, None)
            return Entry(line[:-1], link, digest)
        except OSError as error:
            raise self._failed(f"record {self._next.seq}", error) from error
        finally:
            self._leave()

    def _keep(self, line: bytes, link: seal.Link, digest: str) -> None:
        try:
            self._store.keep(line, link.seq)
            self._next = seal.Link(self._id, link.seq + 1, digest)
        except BaseException:  # an interrupt between the two: two lines must never have one number
            self._store.retract(line)
            raise
        self._last = link.seq

    def _enter(self) -> None:
        """Take the lock.

        Raises:
            JournalError: not to be had; a signal handler that interrupts an append of its own thread never gets it.
        """
        if self._pid != os.getpid():
            raise JournalError(f"stream {self._id} belongs to the parent process: begin a new one")
        if self._closed:
            raise JournalError(f"stream {self._id} is closed: begin a new one")
        if not self._lock.acquire(blocking=False):
            mine = self._holder == threading.get_ident()
            if mine or not self._lock.acquire(timeout=_WAIT_S):
                raise JournalError(f"stream {self._id} is busy: another record is being kept just now")
        self._holder = threading.get_ident()

    def _leave(self) -> None:
        self._holder = 0
        self._lock.release()

    @contextmanager
    def _held(self) -> Generator[int]:
        """The lock, for as long as the block takes; gives the number of the last record.

        Raises:
            JournalError: not to be had.
        """
        self._enter()
        try:
            yield self._last
        finally:
            self._leave()

    def due(self) -> Due | None:
        """Until when the last record is not on the disk; None where nobody asked for that."""
        return self._syncs.record(self._last) if self._syncs else None

    def start_due(self) -> Due | None:
        """Likewise for the last start."""
        return self._syncs.start() if self._syncs else None

    def _failed(self, what: str, error: OSError) -> JournalError:
        place = self.path or "memory"
        return JournalError(f"{what} of stream {self._id} could not be kept in {place}: {_why(error)}")

    def reader(self, sink: str | None = None) -> "StreamReader":
        """A reader of this stream.

        Args:
            sink: the sink that it serves. In memory, what a named sink has not acknowledged by ``done`` is kept.
        """
        return StreamReader(self._store, sink)

    def close(self) -> None:
        """Close the files and release the lock; once is enough. In a forked child: ``abandon``."""
        if self._pid != os.getpid():
            self.abandon()
        elif not self._closed:
            self._closed = True
            # Whoever is in the middle of an append, be it this very thread under a signal handler, needs its files.
            if self._lock.acquire(timeout=0 if self._holder == threading.get_ident() else _WAIT_S):
                self._store.close()
                self._lock.release()

    def abandon(self) -> None:
        """In a forked child: close what was inherited, and touch nothing of the parent's."""
        if not self._closed:
            self._closed = True
            self._store.abandon()


def _why(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}: free some space, or name a folder on another disk"
    return error.strerror or str(error)
