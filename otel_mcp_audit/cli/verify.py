"""``otel-mcp-audit verify``."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec import UNSET
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from otel_mcp_audit import verify as verification
from otel_mcp_audit.cli import terminal
from otel_mcp_audit.cli.folder import NoJournalError, journal_folder
from otel_mcp_audit.errors import AuditError

_SHOWN = 100
"""Findings and missing records listed for people; ``--json`` has all."""


def verify(
    *path: Path,
    against: Path | None = None,
    tenant: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
    dir: Path | None = None,  # noqa: A002 -- the option's name
) -> int:
    """Check a trail, here or in any copy: the journal, a Collector's archive, a SIEM's export, a table dump.

    Exit status: 0 something was verified and all of it is sound; 1 something is not; 2 nothing could be verified.

    Args:
        path: files or folders, in any order, with duplicates, also gzipped; none: the journal.
        against: a journal; what it has and the paths lack is missing.
        tenant: count and judge only this tenant's records.
        json: print the report as JSON.
        dir: the journal's folder, where no path is given.
    """
    if path and dir:
        raise AuditError("give paths or --dir, not both: --dir is for the journal as a whole")
    try:
        paths = list(path) or [journal_folder(dir)]
    except NoJournalError as error:
        return _answer(verification.Report.nothing(str(error)), json=json)
    with _progress([*paths, *([against] if against else [])]) as progress:
        report = verification.verify(paths, against=against, tenant=tenant, progress=progress)
    return _answer(report, json=json)


def _answer(report: verification.Report, *, json: bool) -> int:
    with terminal.output():
        if json:
            terminal.print_json(report.as_dict())
        else:
            show(report, terminal.Plain())
    return report.exit_code


def show(report: verification.Report, console: Console) -> None:
    """Print a report for people; the last line is its sum."""
    for finding in report.findings[:_SHOWN]:
        console.print(terminal.plain(_line(finding)))
    missing = [] if report.missing is UNSET else report.missing
    for record in missing[:_SHOWN]:
        console.print(terminal.plain(f"missing  {record.id}  stream {record.stream}  record {record.seq}"))
    unlisted = max(0, len(report.findings) - _SHOWN) + max(0, len(missing) - _SHOWN)
    if unlisted:
        console.print(f"and {unlisted} more: see --json")
    for note in report.notes[:_SHOWN]:
        console.print(terminal.plain(f"note: {note}"))
    console.print(sentence(report))


def sentence(report: verification.Report) -> str:
    """The report in one line."""
    pruned = f", {_count(report.pruned, 'record')} pruned as declared" if report.pruned else ""
    looked_at = f"{_count(report.records, 'record')}, {_count(report.streams, 'stream')}{pruned}"
    if report.ok:
        return f'{looked_at}, chain intact. Unsigned: see "What this proves".'
    problems = _count(len(report.findings), "finding")
    if report.missing:
        problems += f", {_count(len(report.missing), 'record')} missing from the copy"
    if report.exit_code == verification.NOTHING_VERIFIED:
        return f"{looked_at}: nothing verified, {problems}."
    return f"{looked_at} verified, NOT intact: {problems}."


def _line(finding: verification.Finding) -> str:
    parts: list[str] = [finding.kind]
    if finding.stream is not None:
        parts.append(f"stream {finding.stream}")
    if finding.seq is not None:
        several = "" if finding.last_seq is UNSET else f"-{finding.last_seq}"
        parts.append(f"record {finding.seq}{several}")
    if finding.path is not UNSET:
        parts.append(finding.path if finding.line is UNSET else f"{finding.path}:{finding.line}")
    if finding.detail is not UNSET:
        parts.append(finding.detail)
    return "  ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@contextmanager
def _progress(paths: list[Path]) -> Generator[verification.Progress | None]:
    """A bar on stderr, for people only."""
    console = terminal.Plain(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=verification.size(paths))
        yield lambda read: progress.advance(task, read)
