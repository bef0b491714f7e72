"""A pytest plugin: one JSON line for each report of each test, in the file that ``COMPAT_OUTCOMES`` names."""

import json
import os
from pathlib import Path
from typing import Any

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Only where the reports of all workers come together."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Outcomes(Path(os.environ["COMPAT_OUTCOMES"])))


class _Outcomes:
    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        expected = hasattr(report, "wasxfail")
        self._write(test=report.nodeid, when=report.when, outcome=report.outcome, expected=expected)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._write(test=report.nodeid, when="collect", outcome=report.outcome, expected=False)

    def _write(self, **row: Any) -> None:
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def pytest_unconfigure(self) -> None:
        self._file.close()
