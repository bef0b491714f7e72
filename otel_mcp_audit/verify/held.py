"""Whether a stream has a running writer."""

import contextlib
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover -- Windows, where no writer of ours runs
    fcntl = None


def held(folder: Path) -> bool:
    """Whether the lock of a stream's folder is held. Looks for a moment, changes nothing, needs only to read."""
    if fcntl is None:
        return False
    with contextlib.suppress(FileNotFoundError, PermissionError), (folder / "lock").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
