"""``otel-mcp-audit demo``."""

import json as json_format
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

from cyclopts import Parameter
from rich.rule import Rule

from otel_mcp_audit import verify as verification
from otel_mcp_audit.cli import terminal
from otel_mcp_audit.cli.newest import newest
from otel_mcp_audit.cli.table import Table
from otel_mcp_audit.cli.verify import show as show_report
from otel_mcp_audit.demo.stage import Call, perform
from otel_mcp_audit.record import AuditRecord

_ALL: Final = 1000
"""More than the demonstration ever makes."""


class Reckoning(NamedTuple):
    """Calls made against records kept, by the id that the client gave each of its requests.

    Attributes:
        missing: calls without a record.
        doubled: calls with more than one.
        strangers: records of calls that the client did not make.
    """

    missing: list[str]
    doubled: list[str]
    strangers: list[str]

    @property
    def right(self) -> bool:
        """Every call has exactly one record, and nothing else has."""
        return not any(self)


class Shown(NamedTuple):
    """All that the demonstration has to show."""

    folder: Path
    calls: list[Call]
    records: list[AuditRecord]
    reckoning: Reckoning
    report: verification.Report

    @property
    def right(self) -> bool:
        """The count is right and the chain is intact."""
        return bool(self.calls) and self.reckoning.right and self.report.ok


def demo(*, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """See it work: a server that knows nothing of auditing, three people's calls, and the trail they leave.

    Exit status: 0 calls made are records kept and the chain is intact; 1 they are not; 2 it could not be given.

    Args:
        json: print what it has to show as JSON.
    """
    folder = Path(tempfile.mkdtemp(prefix="otel-mcp-audit-demo-"))
    calls = perform(folder, os.environ, _progress())
    journal = folder / "journal"
    records = _tool_calls(journal)
    shown = Shown(folder, calls, records, reckon(calls, records), verification.verify([journal]))
    if json:
        terminal.print_json(_as_dict(shown))
    else:
        _show(shown)
    return 0 if shown.right else 1


def _tool_calls(journal: Path) -> list[AuditRecord]:
    if not journal.is_dir():
        return []  # nothing was audited, which is for the reckoning to say
    return newest(journal, _ALL, lambda record: record.event_type == "tool_call").records


def reckon(calls: Sequence[Call], records: Sequence[AuditRecord]) -> Reckoning:
    """Compare what the client says it did with what the trail says."""
    made = [call.id for call in calls]
    kept = Counter(record.request.id or record.id for record in records)
    return Reckoning(
        missing=[call for call in made if not kept[call]],
        doubled=[call for call in made if kept[call] > 1],
        strangers=[call for call in kept if call not in made],
    )


def _progress() -> Callable[[str], None]:
    """Lines on stderr: stdout is for what the demonstration has to show."""
    begun = time.monotonic()

    def say(text: str) -> None:
        print(terminal.plain(f"{time.monotonic() - begun:4.1f} s  {text}"), file=sys.stderr, flush=True)  # noqa: T201 -- the command's progress

    return say


def _show(shown: Shown) -> None:
    console = terminal.Plain()
    headed = _headed(console)
    headed("What the client did, by its own count", [_count(shown.calls)])
    headed("The trail: otel-mcp-audit tail", Table().rows(shown.records))
    headed("The chain: otel-mcp-audit verify", [])
    show_report(shown.report, console)
    headed("Calls made = records kept", _compared(shown))
    headed("One record in full", [_in_full(shown.records)])
    headed("All of it is in", _whereabouts(shown.folder))


def _headed(console: terminal.Plain) -> Callable[[str, Any], None]:
    def headed(title: str, lines: Any) -> None:
        console.print()
        console.print(Rule(title, align="left", style="dim"))
        for line in lines:
            console.print(line)

    return headed


def _count(calls: Sequence[Call]) -> str:
    saw = ", ".join(f"{times} saw {what}" for what, times in Counter(call.saw for call in calls).items())
    people = Counter(f"{call.user}@{call.tenant}" for call in calls)
    return f"{len(calls)} calls ({', '.join(f'{who} {times}' for who, times in people.items())}): {saw}"


def _compared(shown: Shown) -> list[str]:
    reckoning = shown.reckoning
    verdict = "each call has exactly one record" if reckoning.right else "NOT what the client did"
    return [
        f"{len(shown.calls)} calls made, {len(shown.records)} records kept: {verdict}.",
        *(f"{kind}: {', '.join(ids)}" for kind, ids in reckoning._asdict().items() if ids),
    ]


def _in_full(records: Sequence[AuditRecord]) -> str:
    """The first call that failed: it says the most."""
    telling = next((record for record in records if record.outcome != "success"), None)
    if telling is None:
        return "none"
    pretty = json_format.dumps(json_format.loads(telling.line), indent=2)
    return "\n".join(map(terminal.plain, pretty.split("\n")))


def _whereabouts(folder: Path) -> list[str]:
    journal = folder / "journal"
    return [
        f"{folder}  (journal, server.log, client.log)",
        f"  otel-mcp-audit tail --all --dir {journal}",
        f"  otel-mcp-audit verify --dir {journal}",
        f"  sed -i.before s/bob/eve/ {journal}/*/*.jsonl && otel-mcp-audit verify --dir {journal}   # and now?",
    ]


def _as_dict(shown: Shown) -> dict[str, Any]:
    return {
        "ok": shown.right,
        "folder": str(shown.folder),
        "calls": [{name: getattr(call, name) for name in call.__struct_fields__} for call in shown.calls],
        "records": [record.as_dict() for record in shown.records],
        "reckoning": shown.reckoning._asdict(),
        "verify": shown.report.as_dict(),
    }
