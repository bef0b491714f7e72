"""A stdio server whose tools break what the trail stands on: ``python strict.py``.

What a disk does when it fails cannot be had otherwise, so the seam to the disk is bent inside the server; the rest is
done to real files by the test.
"""

import errno
import os
import sys
import time
from pathlib import Path

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from otel_mcp_audit.journal import disk
from tests.scenes import kernel, servers

DONE = "strict: the tool has run"
"""The line on stderr that says so, whatever the client is told."""


def _fail(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def writes_fail() -> str:
    """No write reaches the disk any more: not this call's record either."""
    disk.calls.write = _fail  # pyright: ignore[reportAttributeAccessIssue] -- it never returns
    print(DONE, file=sys.stderr, flush=True)
    return "CANARY-answer"


def syncs_fail() -> str:
    """No sync succeeds any more."""
    disk.calls.sync = _fail
    print(DONE, file=sys.stderr, flush=True)
    return "CANARY-answer"


def one_sync_fails() -> str:
    """The next sync fails; those after it would say that all is well."""
    whole = disk.calls.sync

    def once(fd: int) -> None:
        disk.calls.sync = whole
        _fail(fd)

    disk.calls.sync = once
    return "the next one"


def syncs_hang() -> str:
    """No sync comes back any more."""
    disk.calls.sync = lambda _: time.sleep(3600)
    print(DONE, file=sys.stderr, flush=True)
    return "CANARY-answer"


def crash() -> str:
    """Fail in a way that says something, when no write reaches the disk any more."""
    writes_fail()
    raise ValueError("CANARY-answer")


def build() -> object:
    """The server."""
    server = kernel.Framework(servers.NAME, log_level="CRITICAL")
    for tool in (writes_fail, syncs_fail, one_sync_fails, syncs_hang, crash, *servers.tools.TOOLS):
        server.add_tool(tool)
    return server


if __name__ == "__main__":
    served: kernel.Any = build()
    served.run()
