"""Who may write a stream: the lock file of its folder."""

import errno
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from otel_mcp_audit.journal import disk

LOCK_NAME: Final = "lock"

_NO_LOCKS: Final = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}


class Lock:
    """The lock of one stream folder; gone with its process, and never handed on to a forked child.

    Args:
        folder: the stream's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK_NAME
        # Never a soft lock: its marker file would outlive a killed owner, and the stream could never be adopted.
        self._lock = FileLock(self.path, thread_local=False, mode=disk.FILE_MODE, fallback_to_soft=False)
        self._identity: disk.Identity | None = None

    def take(self) -> bool:
        """Take the lock without waiting; False when another process holds it.

        Raises:
            OSError: locks do not work in this folder, or it is gone.
        """
        if not self.path.parent.is_dir():  # filelock would make it
            raise FileNotFoundError(errno.ENOENT, f"folder {self.path.parent} is gone")
        try:
            self._lock.acquire(timeout=0, blocking=False)
        except Timeout:
            return False
        except NotImplementedError as error:  # how filelock before 4 says ENOSYS
            raise OSError(errno.ENOSYS, str(error)) from error
        self._identity = disk.identity(self.path)
        return True

    def take_if_possible(self) -> bool:
        """Take the lock where locks work; False only when another process holds it.

        Raises:
            OSError: the lock file cannot be made or opened.
        """
        try:
            return self.take()
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return True
            raise

    @property
    def held(self) -> bool:
        """Whether this object has the lock."""
        return self._identity is not None

    def intact(self) -> bool:
        """Whether the held lock file still stands under its name, where others look for it."""
        return self._identity is not None and disk.identity(self.path) == self._identity

    def release(self) -> None:
        """Give the lock back; the file stays."""
        if self._identity is not None:
            self._identity = None
            self._lock.release(force=True)

    def abandon(self) -> None:
        """In a forked child: forget the lock. filelock closed the inherited descriptor without unlocking it."""
        self._identity = None
