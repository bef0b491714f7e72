"""A journal of this test's own, whatever the environment says, and a row of the table."""

import os
from pathlib import Path

import pytest

from tests.noted import TRAIL, Note, noting


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Notes a row of the table of records about the trail."""
    return noting(TRAIL, request)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journal's; no variable of OpenTelemetry is set but the service's name."""
    for variable in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "records")
    return tmp_path / "journal"
