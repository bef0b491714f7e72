"""One play for all tests, and the machine-readable table of what is known of whom, release by release."""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from tests.identity.play import Told, play
from tests.scenes import kernel

RESULTS: Final = "AUDIT_IDENTITY"
"""Variable: the file that rows are appended to."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(*names): rows of the identity table that this test fills")


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Everything that was asked, and the records of it."""
    return play(tmp_path_factory.mktemp("identity"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Append a test's rows to the file that ``AUDIT_IDENTITY`` names."""
    report = yield
    results, marker = os.environ.get(RESULTS), item.get_closest_marker("row")
    if results and marker and report.when == "call":
        with Path(results).open("a", encoding="utf-8") as file:
            for row in marker.args:
                result = {"release": kernel.LABEL, "row": row, "ok": report.passed, "test": item.nodeid}
                file.write(json.dumps(result) + "\n")
    return report
