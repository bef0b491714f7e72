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
from otel_mcp_audit.demo.reckoning import Reckoning, reckon
from otel_mcp_audit.demo.road import Arrival, road
from otel_mcp_audit.demo.stage import Call, perform
from otel_mcp_audit.record import AuditRecord

_ALL: Final = 1000
"""More than the demonstration ever makes."""


class Shown(NamedTuple):
    """All that the demonstration has to show."""

    folder: Path
    calls: list[Call]
    records: list[AuditRecord]
    reckoning: Reckoning
    report: verification.Report
    arrival: Arrival | None

    @property
    def right(self) -> bool:
        """The count is right and the chain is intact, here and wherever the records went."""
        arrived = self.arrival is None or self.arrival.right
        return bool(self.calls) and self.reckoning.right and self.report.ok and arrived


def demo(*, collector: str | None = None, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """See it work: a server that knows nothing of auditing, three people's calls, and the trail they leave.

    Exit status: 0 calls made are records kept and the chain is intact; 1 they are not; 2 it could not be given.

    Args:
        collector: a command line that starts a Collector with base.yaml and splunk.yaml: the records then go through it
            to an archive and to what stands for a SIEM, and both are verified.
        json: print what it has to show as JSON.
    """
    folder = Path(tempfile.mkdtemp(prefix="otel-mcp-audit-demo-"))
    calls, arrival = _played(folder, collector)
    journal = folder / "journal"
    records = _tool_calls(journal)
    shown = Shown(folder, calls, records, reckon(calls, records), verification.verify([journal]), arrival)
    if json:
        terminal.print_json(_as_dict(shown))
    else:
        _show(shown)
    return 0 if shown.right else 1


def _played(folder: Path, collector: str | None) -> tuple[list[Call], Arrival | None]:
    say = _progress()
    if collector is None:
        return perform(folder, os.environ, say), None
    with road(collector, folder, os.environ, say) as laid:
        calls = perform(folder, os.environ, say, laid.exporting)
        say("waiting until everything has arrived")
        return calls, laid.arrival(calls, folder / "journal")


def _tool_calls(journal: Path) -> list[AuditRecord]:
    if not journal.is_dir():
        return []  # nothing was audited, which is for the reckoning to say
    return newest(journal, _ALL, lambda record: record.event_type == "tool_call").records


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
    headed("Calls made = records kept", _compared(shown.calls, len(shown.records), shown.reckoning, "kept"))
    if shown.arrival:
        _show_arrival(shown, shown.arrival, console)
    headed("One record in full", [_in_full(shown.records)])
    headed("All of it is in", _whereabouts(shown))


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


def _show_arrival(shown: Shown, arrival: Arrival, console: terminal.Plain) -> None:
    headed = _headed(console)
    headed("The Collector's archive: otel-mcp-audit verify archive --against journal", [])
    show_report(arrival.archive, console)
    headed("The SIEM's copy: otel-mcp-audit verify siem.jsonl --against journal", [])
    show_report(arrival.copy, console)
    headed(
        "Calls made = records at the SIEM", _compared(shown.calls, arrival.records, arrival.reckoning, "at the SIEM")
    )


def _compared(calls: Sequence[Call], records: int, reckoning: Reckoning, where: str) -> list[str]:
    verdict = "each call has exactly one record" if reckoning.right else "NOT what the client did"
    return [
        f"{len(calls)} calls made, {records} records {where}: {verdict}.",
        *(f"{kind}: {', '.join(ids)}" for kind, ids in reckoning._asdict().items() if ids),
    ]


def _in_full(records: Sequence[AuditRecord]) -> str:
    """The first call that failed: it says the most."""
    telling = next((record for record in records if record.outcome != "success"), None)
    if telling is None:
        return "none"
    pretty = json_format.dumps(json_format.loads(telling.line), indent=2)
    return "\n".join(map(terminal.plain, pretty.split("\n")))


def _whereabouts(shown: Shown) -> list[str]:
    folder, journal = shown.folder, shown.folder / "journal"
    more = ", collector.log, archive, telemetry, queue, siem.jsonl" if shown.arrival else ""
    return [
        f"{folder}  (journal, server.log, client.log{more})",
        f"  otel-mcp-audit tail --all --dir {journal}",
        f"  otel-mcp-audit verify --dir {journal}",
        *([f"  otel-mcp-audit verify {folder / 'siem.jsonl'} --against {journal}"] if shown.arrival else []),
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
        **({"arrival": shown.arrival.as_dict()} if shown.arrival else {}),
    }
