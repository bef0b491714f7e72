"""The journal's folder: where it is, whether it can be written, and how full it is."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from otel_mcp_audit import settings
from otel_mcp_audit.doctor.check import Check
from otel_mcp_audit.doctor.subject import Subject
from otel_mcp_audit.journal import Budget

_WARN_AT: Final = 0.8
_STREAMS_WARN: Final = 1000
_MIB: Final = 1024 * 1024


def place(subject: Subject) -> Iterator[Check]:
    """Place, owner and mode."""
    if subject.folder is None:
        looked = ", ".join(map(str, subject.looked_at))
        yield Check(
            "journal",
            "warn",
            f"there is none (looked at {looked}): no server of this user has begun a trail here",
            "start the server and call it; if its folder is another one, name it with --dir",
        )
        return
    found = subject.folder.lstat()
    detail = f"{subject.folder}, mode {stat.S_IMODE(found.st_mode):04o}, user {found.st_uid}"
    yield _fit(subject.folder, found, detail)


def _fit(path: Path, found: os.stat_result, detail: str) -> Check:
    if stat.S_ISLNK(found.st_mode):
        return Check("journal", "fail", f"{detail}: a symbolic link is not followed", "name the folder itself")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return Check("journal", "fail", f"{detail}: others can write in it", f"chmod go-w {path}")
    if found.st_uid != os.geteuid():
        return Check("journal", "warn", f"{detail}, not user {os.geteuid()}", "run doctor as the server's user")
    if not os.access(path, os.W_OK | os.X_OK):
        return Check("journal", "fail", f"{detail}: it cannot be written", f"chmod u+rwx {path}, or mount it writable")
    return Check("journal", "ok", detail)


def budget(subject: Subject) -> Iterator[Check]:
    """What it takes of the disk, against what this environment allows."""
    if subject.folder is None:
        return
    allowed = settings.read(subject.environ)[0].max_bytes
    used = Budget(subject.folder, allowed).usage()
    detail = f"{used / _MIB:.1f} of {allowed / _MIB:.0f} MiB in {len(subject.streams)} streams"
    if used >= allowed * _WARN_AT:
        status = "fail" if used >= allowed else "warn"
        yield Check(
            "budget", status, detail, "give the sink an endpoint that takes records, or raise OTEL_MCP_AUDIT_MAX_BYTES"
        )
    elif len(subject.streams) > _STREAMS_WARN:
        yield Check("budget", "warn", f"{detail}: each start looks at all of them", "otel-mcp-audit ship")
    else:
        yield Check("budget", "ok", detail)
