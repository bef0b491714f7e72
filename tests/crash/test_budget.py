"""A small disk budget and an endpoint that is away: recording stops, calls do not, and the trail accounts for both."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from otel_mcp_audit import verify as verification
from tests.crash.endpoint import Endpoint
from tests.integration import trail
from tests.integration.process import Session, eventually, exporting, scenes_server
from tests.scenes.log import ClientLog

BUDGET = 64 * 1024
CALLS = 60
"""Each takes more than a kibibyte, and its start line as much."""


@dataclass
class Spent:
    """A server that filled its budget, and went on when the endpoint came back."""

    folder: Path
    log: ClientLog
    stderr: str
    bytes_when_full: int
    kept_when_full: int
    arrived: set[bytes]


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> Generator[Spent]:
    base = tmp_path_factory.mktemp("budget")
    folder = base / "journal"
    with Endpoint(base / "received.jsonl") as endpoint:
        endpoint.kill()
        protocol = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_TRACES_EXPORTER": "none"}
        environ = exporting(folder, endpoint.address, OTEL_MCP_AUDIT_MAX_BYTES=str(BUDGET), **protocol)
        with scenes_server(environ, style="lowlevel") as server:
            session = Session(server)
            for number in range(CALLS):
                session.echo(f"number {number}")
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            kept = len(trail.events(trail.lines(folder), "tool_call"))
            endpoint.start()
            eventually(lambda: bool(session.echo("afterwards")) and _has_room_again(folder), "there is room again")
            server.leave()
            stderr = server.stderr.text
        yield Spent(folder, session.log, stderr, size, kept, trail.bodies(endpoint.records()))


def _has_room_again(folder: Path) -> bool:
    lines = trail.lines(folder)
    return bool(trail.events(lines, "audit_prune")) and lines[-1]["event"]["event_type"] == "tool_call"


def test_recording_stops_at_the_budget_and_calls_go_on(spent: Spent) -> None:
    assert 10 < spent.kept_when_full < CALLS
    # A gap or two is declared whatever the budget.
    assert spent.bytes_when_full < BUDGET + 8 * 1024


def test_the_log_says_what_to_do(spent: Spent) -> None:
    for mend in ("endpoint", "OTEL_MCP_AUDIT_SINKS=none", "OTEL_MCP_AUDIT_MAX_BYTES"):
        assert mend in spent.stderr


def test_the_gap_is_as_wide_as_the_calls_that_have_no_record(spent: Spent) -> None:
    arrived = trail.decoded(spent.arrived)
    gaps = [event["trail"] for event in trail.events(arrived, "audit_gap")]
    records = trail.events(arrived, "tool_call")
    assert sum(gap["count"] for gap in gaps if gap["reason"].startswith("not kept")) == (
        len(spent.log.calls) - len(records)
    )


def test_what_was_delivered_is_removed_and_declared(spent: Spent) -> None:
    prunes = [event["trail"] for event in trail.events(trail.decoded(spent.arrived), "audit_prune")]
    assert prunes
    assert {prune["reason"] for prune in prunes} == {"disk budget"}
    kept = {line["chain"]["seq"] for line in trail.lines(spent.folder)}
    cut = {seq for prune in prunes for seq in range(prune["first_seq"], prune["last_seq"] + 1)}
    assert not kept & cut
    assert 1 in kept


def test_verify_takes_declared_cuts_for_what_they_are(spent: Spent) -> None:
    report = verification.verify([spent.folder])
    assert report.ok, report.as_dict()
    assert report.pruned > 0
