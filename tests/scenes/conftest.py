"""The runs, each played once for all the tests that look at it, and the machine-readable scenario table."""

import json
import os
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.scenes import kernel
from tests.scenes.kernel import Style
from tests.scenes.reconcile import Kept
from tests.scenes.runs import Run

_ROW: Final = pytest.StashKey[dict[str, Any]]()

Note = Callable[[Style, str, str, int, Sequence[Kept]], None]
"""Style, transport, scenario, how many calls were made, the records found."""


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Say which row of the scenario table this test is, and what was found."""

    def note(style: Style, transport: str, scenario: str, calls: int, records: Sequence[Kept]) -> None:
        outcomes = [record.event["response"]["outcome"] for record in records]
        request.node.stash[_ROW] = {
            "kernel": kernel.LABEL,
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            "style": style,
            "transport": transport,
            "scenario": scenario,
            "calls": calls,
            "records": len(records),
            "outcome": ", ".join(dict.fromkeys(outcomes)),
        }

    return note


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Append a test's row to the file that ``AUDIT_SCENES`` names."""
    report = yield
    results = os.environ.get("AUDIT_SCENES")
    row = item.stash.get(_ROW, None)
    if results and row and report.when == "call":
        with Path(results).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**row, "ok": report.passed, "test": item.nodeid}) + "\n")
    return report


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Play a run in a folder of its own, once for all the tests that look at it; a run that failed fails them all."""
    outcomes: dict[tuple[object, ...], Run | Exception] = {}

    def played(play: Callable[..., Run], *arguments: str) -> Run:
        key = (play, *arguments)
        if key not in outcomes:
            try:
                outcomes[key] = play(*arguments, tmp_path_factory.mktemp("played"))
            except Exception as failure:
                outcomes[key] = failure
        outcome = outcomes[key]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return played
