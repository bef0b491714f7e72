"""The run, played once for all the tests that look at it, and the machine-readable table of refusals."""

import json
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.refused.playing import Played, play
from tests.scenes import kernel

_ROW: Final = pytest.StashKey[dict[str, Any]]()

Note = Callable[[str, str, str], None]
"""Transport, attempt, what was found."""


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All attempts at all transports of one program."""
    return play(tmp_path_factory.mktemp("refused"))


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Say which cell of the table this test is, and what was found."""

    def note(transport: str, attempt: str, found: str) -> None:
        row = {"kernel": kernel.LABEL, "transport": transport, "attempt": attempt, "found": found}
        request.node.stash[_ROW] = row

    return note


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Append a test's cell to the file that ``AUDIT_REFUSED`` names."""
    report = yield
    results = os.environ.get("AUDIT_REFUSED")
    row = item.stash.get(_ROW, None)
    if results and row and report.when == "call":
        with Path(results).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**row, "ok": report.passed, "test": item.nodeid}) + "\n")
    return report
