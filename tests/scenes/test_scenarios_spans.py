"""Exactly one span belongs to a record: the kernel's or framework's own where there is one, else one of ours."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.scenes import kernel, memory_runs
from tests.scenes.kernel import PAIRS
from tests.scenes.processes import PATIENCE, environment
from tests.scenes.reconcile import Kept, journal_lines, kept
from tests.scenes.tools import CANARY

SCRIPT = Path(__file__).with_name("spanning.py")
OURS = "otel_mcp_audit"
UNOPENED = {"forbidden", "unwelcome"}
"""Tools whose calls a middleware answers before fastmcp 3 opens a span."""

Span = dict[str, Any]


@dataclass
class Spans:
    """How many requests a run had, their records, and the spans beside them."""

    calls: int
    records: list[Kept]
    spans: list[Span]

    def of(self, record: Kept) -> list[Span]:
        """The spans that carry the record's id."""
        return [span for span in self.spans if span["attributes"].get("audit.record.id") == record.id]


def without_native(record: Kept) -> bool:
    """Whether nobody but us opens a span for this request."""
    if kernel.FASTMCP >= 3:
        handshake = record.event["event_type"] == "initialize"
        return kernel.FASTMCP == 3 and (handshake or record.event["tool"] in UNOPENED)
    return not kernel.MODERN or record.event["request"]["transport"] == "none"


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Spans:
    style, era = request.param
    folder = tmp_path_factory.mktemp("spans")
    ran = subprocess.run(
        [sys.executable, SCRIPT, style, era], env=environment(folder), capture_output=True, timeout=PATIENCE, check=True
    )
    expected = memory_runs.expectations(style, era)
    calls = 1 + sum(len(records) for name, records in expected.items() if name not in memory_runs.UNANSWERED)
    return Spans(calls, kept(journal_lines(folder)), [json.loads(line) for line in ran.stdout.splitlines()])


def test_exactly_one_span_carries_a_records_id_and_says_what_it_says(played: Spans) -> None:
    assert len(played.records) == played.calls
    for record in played.records:
        tool = record.event["tool"]
        assert len(played.of(record)) == 1, (tool, played.of(record))
        (span,) = played.of(record)
        assert span["span_id"] == record.event["request"]["span_id"], tool
        assert span["attributes"]["mcp_audit.outcome"] == record.event["response"]["outcome"], tool
        assert span["attributes"]["mcp_audit.request.id"] == record.event["request"]["id"], tool
        assert span["attributes"]["mcp_audit.duration_ms"] == record.event["response"]["duration_us"] / 1000, tool


def test_a_span_that_the_framework_opened_ends_when_the_framework_ended_it(played: Spans) -> None:
    for record in played.records:
        (span,) = played.of(record)
        began = datetime.fromisoformat(record.event["timestamp"])
        ended = began + timedelta(microseconds=record.event["response"]["duration_us"] + 5)
        if span["scope"] == "fastmcp" and kernel.FASTMCP == 3:
            assert datetime.fromtimestamp(span["end_ns"] / 1e9, UTC) <= ended, record.event["tool"]


def test_no_span_of_ours_stands_beside_a_native_one(played: Spans) -> None:
    for record in played.records:
        (span,) = played.of(record)
        assert (span["scope"] == OURS) == without_native(record), (record.event["tool"], span)
        assert span["attributes"]["mcp.method.name"] == record.event["request"]["method"]
    ours = [span for span in played.spans if span["scope"] == OURS]
    assert len(ours) == len(list(filter(without_native, played.records)))


def test_no_span_of_ours_holds_what_a_call_carried(played: Spans) -> None:
    written = json.dumps([span for span in played.spans if span["scope"] == OURS])
    assert CANARY not in written
    assert "hello" not in written
    assert "nope" not in written
    assert "scenes://" not in written
    named = {span["name"] for span in played.spans if span["scope"] == OURS}
    methods = {record.event["request"]["method"] for record in played.records}
    assert {name for name in named if not name.startswith("tools/call")} <= methods
