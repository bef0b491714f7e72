"""The machine-readable table of routes."""

import json
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.routes.rows import Row

_ROW: Final = pytest.StashKey[dict[str, Any]]()

Note = Callable[[Row, int, int], None]
"""The row, how many calls were made, how many records of them are at the destination."""


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Say what was found of this test's row."""

    def note(row: Row, calls: int, records: int) -> None:
        request.node.stash[_ROW] = {
            "route": row.name,
            "rule": row.rule,
            "start": "loader" if row.loader else "code",
            "sinks": list(row.sinks),
            "destination": row.destination + ", altered" * row.altered,
            "calls": calls,
            "records": records,
            "copies": row.copies,
        }

    return note


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Append a test's row to the file that ``AUDIT_ROUTES`` names."""
    report = yield
    results = os.environ.get("AUDIT_ROUTES")
    row = item.stash.get(_ROW, None)
    if results and row and report.when == "call":
        with Path(results).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**row, "ok": report.passed, "test": item.nodeid}) + "\n")
    return report
