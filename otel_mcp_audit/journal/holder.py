"""Who holds a stream's lock, asked of the operating system: nothing is taken and nothing is written."""

import os
from pathlib import Path
from typing import Final

from otel_mcp_audit.journal.lock import LOCK_NAME

_LOCKS: Final = Path("/proc/locks")


def holder(folder: Path) -> int | None:
    """The id of the process that writes a stream; None where nobody does, as far as this process can see.

    A process of another container is not seen.

    Raises:
        OSError: it cannot be told on this system, or the lock file cannot be seen.
    """
    lock = (folder / LOCK_NAME).lstat()
    wanted = f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}:{lock.st_ino}"
    for line in _LOCKS.read_text(encoding="ascii").splitlines():
        # 1: FLOCK  ADVISORY  WRITE 4711 fe:00:10070139 0 EOF
        _, kind, *rest = line.split()
        if kind == "FLOCK" and wanted in rest:
            return int(rest[rest.index(wanted) - 1])
    return None
