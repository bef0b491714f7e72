"""A meter provider of this test's own, and a journal."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_mcp_audit import metrics
from tests.metrics.reading import Meters


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journal's; no variable of OpenTelemetry is set."""
    for variable in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(variable)
    return tmp_path / "journal"


@pytest.fixture
def meters() -> Iterator[Meters]:
    """Has our metrics; sums begin where earlier tests of this process left them."""
    meters = Meters()
    metrics.use(meters.provider)
    metrics.begin()
    yield meters
    meters.provider.shutdown()
