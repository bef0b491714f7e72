"""Records for the eye."""

import sys

import pytest
from msgspec import structs

from otel_mcp_audit.sinks import resolve
from tests.sinks.lines import event, records, sealed


def test_a_record_is_one_line_on_standard_error_and_nothing_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ((_, sink),) = resolve("console", {})
    sink.write(records(2))
    sink.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"2026-11-24T10:30:00.250000Z ana@acme echo success 1.5ms 019d0000-0000-7000-8000-{number:012d}"
        for number in range(2)
    ]


def test_no_control_character_of_a_client_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ((_, sink),) = resolve("console", {})
    hostile = event(tool="tool\n\x1b]0;title\x07\u202e\x85" + "x" * 1000)
    hostile.user = structs.replace(hostile.user, id="\rroot")
    hostile.response.duration_us = None
    sink.write([sealed(hostile)])
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()
    assert len(err) < 500
    assert r"\rroot@acme tool\n\x1b]0;title\x07\u202e\x85x" in err
    assert " - 019d0000" in err


def test_a_process_without_standard_error_is_not_harmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    ((_, sink),) = resolve("console", {})
    sink.write(records())
