"""What of one stream is on the disk: its records, and its starts."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import disk, syncing
from otel_mcp_audit.journal.files import Files
from otel_mcp_audit.journal.home import Home
from otel_mcp_audit.journal.syncing import Commit, Due


class Syncs:
    """Brings a stream to the disk.

    Args:
        home: where it is kept.
        held: enters the stream's lock, and gives the number of its last record.
    """

    def __init__(self, home: Home, held: Callable[[], AbstractContextManager[int]]) -> None:
        self._home = home
        self._held = held
        self._records = Commit(self._sync_records)
        self._starts = Commit(self._sync_starts)
        self._named: tuple[object, ...] = ()
        syncing.sync_root(home.files.path)

    def record(self, seq: int) -> Due:
        """Record ``seq``, to be waited for."""
        return Due(self._records, seq)

    def start(self) -> Due:
        """The start that was written last, to be waited for."""
        return Due(self._starts, self._home.files.starts.begun)

    def _sync_records(self) -> int:
        files = self._home.files
        try:
            with self._held() as last:
                some, named = syncing.parts(files), _names(files)
            synced = self._sync(lambda: [part.segment.sync() for part in some], named)
            with self._held() as now:
                syncing.come_back(files, some, covered=synced)
                if not synced:
                    last = now
                    syncing.rewrite(files)
            return last
        except OSError as error:
            raise JournalError(f"stream {files.path} could not be synced: {_why(error)}") from error

    def _sync_starts(self) -> int:
        files = self._home.files
        try:
            with self._held():
                starts, named = files.starts, _names(files)
                begun, fd = starts.begun, starts.duplicate()
            synced = self._sync(lambda: disk.sync(fd), named)
            disk.close(fd)
            if not synced:
                with self._held():
                    begun = files.starts.begun
                    files.starts.rewrite()
                    disk.sync_folder(files.path)
            return begun
        except OSError as error:
            raise JournalError(f"starts of {files.path} could not be synced: {_why(error)}") from error

    def _sync(self, sync: Callable[[], object], named: tuple[object, ...]) -> bool:
        """Sync files, and their names where those are not the ones synced last; answers whether that could be done."""
        try:
            sync()
            if named != self._named:
                disk.sync_folder(self._home.files.path)
                self._named = named
        except OSError:
            return False
        return True


def _names(files: Files) -> tuple[object, ...]:
    """What of a stream's folder would be lost with its names: another file of the same name is another thing here."""
    return files.identity, files.segment, files.starts, files.starts.made


def _why(error: OSError) -> str:
    return error.strerror or str(error)
