"""What one run of a suite found: an outcome for each test id."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

Outcomes = dict[str, str]
"""Test id: ``passed``, ``failed``, ``skipped``, ``xfailed``, ``xpassed`` or ``error``."""

ABSENT: Final = "absent"
"""The outcome of a test that the other side had, and this one had not."""


def read(path: Path) -> Outcomes:
    """The outcomes of a file that ``compat_outcomes`` wrote."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return of(json.loads(line) for line in text.splitlines())


def of(reports: Iterable[Mapping[str, Any]]) -> Outcomes:
    """One outcome a test, from its reports: an error in set-up or tear-down outweighs how the call went."""
    outcomes: Outcomes = {}
    for report in reports:
        test = report["test"]
        outcome = _outcome(report)
        if outcome is not None and outcomes.get(test) != "error":
            outcomes[test] = outcome
    return outcomes


def _outcome(report: Mapping[str, Any]) -> str | None:
    outcome = str(report["outcome"])
    if report["expected"] and outcome in {"skipped", "passed"}:
        return "xfailed" if outcome == "skipped" else "xpassed"
    if report["when"] == "call":
        return outcome
    return {"failed": "error", "skipped": "skipped"}.get(outcome)


def counts(outcomes: Outcomes) -> str:
    """How many of each, in words."""
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(Counter(outcomes.values()).items()))


def differing(plain: Outcomes, audited: Outcomes) -> list[str]:
    """The tests that did not end alike, or were there on one side only."""
    tests = plain.keys() | audited.keys()
    return sorted(test for test in tests if plain.get(test, ABSENT) != audited.get(test, ABSENT))
