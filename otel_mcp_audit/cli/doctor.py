"""``otel-mcp-audit doctor``."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.text import Text

from otel_mcp_audit import doctor as surgery
from otel_mcp_audit import journal
from otel_mcp_audit.cli import terminal
from otel_mcp_audit.cli.folder import VARIABLE, NoJournalError, journal_folder
from otel_mcp_audit.cli.newest import newest
from otel_mcp_audit.doctor import Check, Subject

CALLS: Final = 200
"""Newest calls that are looked at."""

_STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(
    *,
    json: Annotated[bool, Parameter(negative=())] = False,
    dir: Path | None = None,  # noqa: A002 -- the option's name
    token: Path | None = None,
) -> int:
    """Say what keeps records from being made, kept or delivered, and the mend. Nothing is changed.

    What it says of servers and of delivery comes from the journal, so it holds from any shell; what it says of
    settings, loader and endpoint holds for the environment it is run in.

    Exit status: 0 nothing failed, there may be warnings; 1 something did.

    Args:
        json: print `ok` and the checks (`name`, `status`, `detail`, `mend`) as JSON.
        dir: the journal's folder.
        token: a file with a sample JWT, or its claims as JSON: which of them would name user and tenant.
    """
    checks = surgery.examine(_subject(dir)._replace(token=token))
    ok = surgery.healthy(checks)
    with terminal.output():
        if json:
            terminal.print_json({"ok": ok, "checks": [check._asdict() for check in checks]})
        else:
            _show(checks)
    return 0 if ok else 1


def _subject(explicit: Path | None) -> Subject:
    named = explicit or os.environ.get(VARIABLE)
    looked_at = [Path(named)] if named else list(journal.ladder(os.environ))
    try:
        folder = journal_folder(explicit)
    except NoJournalError:
        return Subject(os.environ, None, looked_at)
    return Subject(
        environ=os.environ,
        folder=folder,
        looked_at=looked_at,
        streams=surgery.see_all(folder),
        calls=newest(folder, CALLS, lambda record: record.event_type == "tool_call").records,
    )


def _show(checks: Sequence[Check]) -> None:
    console = terminal.Plain()
    width = max(len(check.name) for check in checks)
    for check in checks:
        head = Text(f"{check.status:4}  ", _STYLES[check.status])
        console.print(head + terminal.cell(f"{check.name:{width}}  {check.detail}"))
        if check.mend:
            console.print(terminal.cell(f"{'':4}  {'':{width}}  -> {check.mend}"))
    warned = sum(check.status == "warn" for check in checks)
    failed = sum(check.status == "fail" for check in checks)
    console.print(f"{len(checks)} checks, {warned} to be known, {failed} failed.")
