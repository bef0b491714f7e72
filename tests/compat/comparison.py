"""A suite without us and with auditing on, compared test by test, and what the audited run left in its journal."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.compat import outcomes
from tests.compat.bench import Bench
from tests.compat.outcomes import ABSENT, Outcomes
from tests.compat.suite import Suite

HEADER: Final = (
    "| suite | tests without us | tests audited | different | unsteady | calls recorded |",
    "|---|---|---|---|---|---|",
)
"""Of the table whose rows ``Comparison.row`` makes."""

RERUNS: Final = 2
"""How often a test that differed is run again, alone, on each side."""


@dataclass
class Comparison:
    """Both runs of one suite.

    Attributes:
        release: package and version.
        plain: outcomes without us.
        audited: outcomes with auditing on.
        records: calls in the journal.
        report: what ``verify`` says of the journal.
        seen: for each test that differed, its outcomes without us and with us, the reruns included.
    """

    release: str
    plain: Outcomes
    audited: Outcomes
    records: int
    report: dict[str, Any]
    seen: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict[str, tuple[list[str], list[str]]])

    @property
    def differences(self) -> list[str]:
        """Tests that never ended on one side as they did on the other."""
        return [test for test, (plain, audited) in self.seen.items() if not set(plain) & set(audited)]

    @property
    def unsteady(self) -> list[str]:
        """Tests that differed, but ended both ways on one side, or alike when run alone."""
        return [test for test in self.seen if test not in self.differences]

    @property
    def holds(self) -> bool:
        """No difference, something ran, something was recorded, and the journal is sound."""
        return bool(not self.differences and self.plain and self.records and self.report.get("ok"))

    def lines(self) -> list[str]:
        """What is printed."""
        findings: list[dict[str, Any]] = self.report.get("findings", [])
        return [
            f"{self.release}: {'as without' if self.holds else 'NOT AS WITHOUT'}",
            f"  without us:  {len(self.plain)} tests: {outcomes.counts(self.plain)}",
            f"  audited:     {len(self.audited)} tests: {outcomes.counts(self.audited)}",
            f"  difference:  {len(self.differences)}",
            *(f"    {self._told(test)}" for test in self.differences),
            f"  unsteady:    {len(self.unsteady)}",
            *(f"    {self._told(test)}" for test in self.unsteady),
            f"  records:     {self.records} calls, verify ok: {self.report.get('ok')}",
            *(f"    {finding}" for finding in findings[:10]),
        ]

    def row(self) -> str:
        """The row of the table in the documentation."""
        sides = (f"{len(side)}: {outcomes.counts(side)}" for side in (self.plain, self.audited))
        numbers = map(str, (len(self.differences), len(self.unsteady), self.records))
        return f"| {' | '.join((self.release, *sides, *numbers))} |"

    def _told(self, test: str) -> str:
        plain, audited = self.seen[test]
        return f"{test}: without us {', '.join(plain)}; audited {', '.join(audited)}"


def compare(bench: Bench, results: Path, tests: Sequence[str]) -> Comparison:
    """Run a suite both ways, run again alone what differed, and read the journal."""
    suite, journal = Suite(bench, results), results / "journal"
    plain = suite.run("plain", tests, None)
    audited = suite.run("audited", tests, journal)
    found = Comparison(bench.release, plain, audited, _calls(journal), _verified(bench, journal))
    differing = outcomes.differing(plain, audited)
    found.seen = {test: ([plain.get(test, ABSENT)], [audited.get(test, ABSENT)]) for test in differing}
    for number in range(RERUNS if differing else 0):
        again = suite.run(f"plain-again-{number}", differing, None, workers=0)
        audited_again = suite.run(f"audited-again-{number}", differing, results / "again", workers=0)
        for test, (without, with_us) in found.seen.items():
            without.append(again.get(test, ABSENT))
            with_us.append(audited_again.get(test, ABSENT))
    return found


def _calls(journal: Path) -> int:
    """The records of tool calls, read with nothing of the product's own code."""
    segments = journal.glob("*/[0-9]*.jsonl")
    lines = (line for segment in segments for line in segment.read_bytes().splitlines(keepends=True))
    return sum(json.loads(line)["event"]["event_type"] == "tool_call" for line in lines if line.endswith(b"\n"))


def _verified(bench: Bench, journal: Path) -> dict[str, Any]:
    command = bench.python.with_name("otel-mcp-audit")
    ran = subprocess.run([command, "verify", journal, "--json"], capture_output=True, text=True, check=False)
    return json.loads(ran.stdout) if ran.stdout.strip() else {"ok": False, "findings": [{"stderr": ran.stderr}]}
