"""A fault of ours: counted, said once a minute, never in the way."""

import logging

import pytest

from otel_mcp_audit import faults


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "_last_said", {})


@faults.harmless("dividing")
def divide(by: int) -> float:
    return 1 / by


def test_a_fault_of_ours_answers_none_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    before = faults.counts["dividing"]
    assert divide(0) is None
    assert divide(4) == 0.25
    assert faults.counts["dividing"] == before + 1
    assert "dividing" in caplog.text


def test_a_place_speaks_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(50):
        divide(0)
    assert len(caplog.records) == 1


def test_the_text_of_a_foreign_exception_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    @faults.harmless("reading")
    def read() -> None:
        raise ValueError("CANARY")

    read()
    assert "ValueError at " in caplog.text
    assert "CANARY" not in caplog.text


def test_the_field_speaks_through_one_logger(caplog: pytest.LogCaptureFixture) -> None:
    faults.report("somewhere", "what happened", logging.WARNING)
    assert [record.name for record in caplog.records] == ["otel_mcp_audit"]
