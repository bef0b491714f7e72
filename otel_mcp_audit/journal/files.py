"""The files of one stream on disk, held open by its one writer."""

from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import cursor, disk, folder, starts
from otel_mcp_audit.journal.brief import brief
from otel_mcp_audit.journal.incident import Incident, missing
from otel_mcp_audit.journal.lock import Lock
from otel_mcp_audit.journal.reader import LONGEST_LINE, FolderSegments
from otel_mcp_audit.journal.segment import Segment
from otel_mcp_audit.journal.starts import Starts

_INCIDENTS_KEPT: Final = 256


class Usurped(JournalError):  # noqa: N818 -- said of a stream, as Damaged of a file
    """Another process writes the stream: it must be left to it, and a new one begun."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"stream {path} was taken over by another process, as its lock file had been removed: "
            "records go on only in a new stream"
        )


@dataclass(slots=True)
class Files:
    """What a writer holds of its stream.

    Attributes:
        path: the stream's folder; its name is the stream's id.
        lock: the folder's lock; not held where locks do not work.
        segment: where the next record goes.
        starts: the start file in use.
        identity: which folder ``path`` led to when the files were opened.
        earlier: the segments before the current one: bytes by first sequence number.
        incidents: what happened to the files behind the writer's back; the caller takes them out.
        taken: another process has taken the stream over.
        synced: the stream's lines will be synced.
        retired: segments that were turned over and have lines no sync has covered yet.
    """

    path: Path
    lock: Lock
    segment: Segment
    starts: Starts
    identity: disk.Identity | None = None
    earlier: dict[int, int] = field(default_factory=dict[int, int])
    incidents: list[Incident] = field(default_factory=list[Incident])
    taken: bool = False
    synced: bool = False
    retired: list[Segment] = field(default_factory=list[Segment])

    @classmethod
    def create(cls, path: Path, *, synced: bool = False) -> "Files":
        """Make a stream's folder, lock it, and begin its first segment.

        Raises:
            JournalError: the journal's folder is not fit.
            OSError: it cannot be made.
        """
        folder.prepare(path.parent)
        disk.make_folder(path)
        with ExitStack() as undo:
            lock = Lock(path)
            undo.callback(lock.release)
            lock.take_if_possible()
            starts_file = Starts(path / starts.file_name(1), {}, synced=synced)
            undo.callback(starts_file.close)
            segment = Segment.create(path, 1, synced=synced)
            files = cls(path, lock, segment, starts_file, disk.identity(path), synced=synced)
            undo.pop_all()
            return files

    @property
    def size(self) -> int:
        """Bytes of the segments and the start file."""
        return sum(self.earlier.values()) + self.segment.size + self.starts.size

    @property
    def held(self) -> int:
        """Bytes of the lines that no sync has covered, which memory holds until then."""
        return self.segment.held + sum(segment.held for segment in self.retired)

    def note(self, incident: Incident) -> None:
        """Keep an incident for the caller; one who never takes them out costs no memory without bound."""
        if len(self.incidents) < _INCIDENTS_KEPT:
            self.incidents.append(incident)

    def turn(self, seq: int) -> None:
        """Go on in a new segment that begins with record ``seq``.

        The start file comes first: whenever this is cut short, the last start file and the last segment together name
        the open calls.

        Raises:
            Usurped: another process has begun that segment.
            OSError: it cannot be made; the current one goes on.
        """
        self.refuse_usurper(seq)
        self.starts = self.starts.moved_to(self.path / starts.file_name(seq))
        fresh = Segment.create(self.path, seq, synced=self.synced)
        if self.segment.first != seq:
            self.earlier[self.segment.first] = self.segment.size
        self._retire(self.segment)
        self.segment = fresh
        with suppress(OSError):  # the turn is made; what lies about is seen to at the next one
            for path in starts.files(self.path):
                if path != self.starts.path:
                    path.unlink(missing_ok=True)
            self.miss_earlier(seq)

    def _retire(self, segment: Segment) -> None:
        if segment.unsynced:
            self.retired.append(segment)
        else:
            segment.close()

    def refuse_usurper(self, seq: int) -> None:
        """See that no other process goes on with this stream: behind our last line, or in the next segment.

        Raises:
            Usurped: one does.
        """
        places = [self.segment.read(self.segment.size, LONGEST_LINE)]
        if seq != self.segment.first:
            with suppress(OSError):  # what is no readable file was not made by a writer of ours
                places.append(FolderSegments(self.path).read(seq, 0, LONGEST_LINE))
        for data in places:
            found = brief(data.partition(b"\n")[0])
            if found and found.chain.stream == self.path.name and found.chain.seq >= seq:
                raise self.usurped()

    def usurped(self) -> Usurped:
        """Leave the stream to the process that has taken it over; answers the error to raise."""
        self.taken = True
        self.lock.release()
        return Usurped(self.path)

    def miss_earlier(self, seq: int) -> None:
        """Note the earlier segments that are gone, unless every sink had taken them: then they were removed rightly.

        Raises:
            OSError: the folder cannot be read.
        """
        there = set(FolderSegments(self.path).firsts())
        gone = [first for first in self.earlier if first not in there]
        if not gone:
            return
        done = cursor.least(self.path)
        following = dict(zip(self.earlier, [*list(self.earlier)[1:], self.segment.first], strict=True))
        for first in gone:
            size = self.earlier.pop(first)
            if done is None or done.segment < following[first]:
                self.note(missing("segment_deleted", first, min(following[first], seq) - 1, size))

    def close(self) -> None:
        """Close all and give the lock back. A start file that names no open call has nothing to say any more."""
        self._close_segments()
        self.starts.close()
        if not self.starts.calls and not self.taken:
            with suppress(OSError):
                self.starts.path.unlink(missing_ok=True)
        self.lock.release()

    def abandon(self) -> None:
        """In a forked child: close the inherited descriptors and touch nothing else."""
        self._close_segments()
        self.starts.close()
        self.lock.abandon()

    def _close_segments(self) -> None:
        for segment in (*self.retired, self.segment):
            segment.close()
