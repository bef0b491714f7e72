"""The machine-readable table of what ran elsewhere."""

import json
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.elsewhere.table import RESULTS
from tests.scenes import kernel

_MODE: Final = pytest.StashKey[str]()

Mode = Callable[[str], None]
"""Says which row of the table a test is."""


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> Mode:
    """Say which row of the table this test is."""

    def mode(name: str) -> None:
        request.node.stash[_MODE] = name

    return mode


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Append a test's cell to the file that ``AUDIT_ELSEWHERE`` names."""
    report = yield
    results, name = os.environ.get(RESULTS), item.stash.get(_MODE, None)
    if results and name and report.when == "call":
        cell: dict[str, Any] = {"mode": name, "kernel": kernel.LABEL, "ok": report.passed, "test": item.nodeid}
        with Path(results).open("a", encoding="utf-8") as file:
            file.write(json.dumps(cell) + "\n")
    return report
