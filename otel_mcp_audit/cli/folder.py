"""Which journal a command reads."""

import os
from pathlib import Path

from otel_mcp_audit import journal
from otel_mcp_audit.errors import AuditError


class NoJournalError(AuditError):
    """There is no journal where one was looked for."""


VARIABLE = "OTEL_MCP_AUDIT_DIR"


def journal_folder(explicit: Path | None) -> Path:
    """The folder that ``--dir`` or the environment names, else the first of the ladder that is there.

    Nothing is made: a command that reads must not leave a folder behind.

    Raises:
        NoJournalError: there is none.
    """
    named = explicit or os.environ.get(VARIABLE)
    if named:
        return _existing(Path(named))
    candidates = list(journal.ladder(os.environ))
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    looked = ", ".join(map(str, candidates))
    raise NoJournalError(f"no journal found (looked at {looked}): name its folder with --dir or {VARIABLE}")


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        state = "is no folder" if folder.exists() else "does not exist"
        raise NoJournalError(f"journal folder {folder} {state}: name another with --dir or {VARIABLE}")
    return folder
