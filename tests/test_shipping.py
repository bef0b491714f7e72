"""Delivering what servers left behind: every record once, with the Resource of the stream that wrote it."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from otel_mcp_audit import Auditor, AuditRecord, Settings
from otel_mcp_audit.shipping import Shipped, ship
from otel_mcp_audit.sinks import resolve
from tests.receivers import HttpReceiver, status


def leave(folder: Path, calls: int = 3, service: str = "left") -> None:
    """A process that keeps records, delivers none, and is killed with a call in flight."""
    child = os.fork()
    if child == 0:
        os.environ["OTEL_SERVICE_NAME"] = service
        audit = Auditor(Settings(dir=str(folder), sinks="none"))
        for _ in range(calls):
            with audit.call("done", {}):
                pass
        with audit.call("cut", {}):
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)


def shipped(folder: Path, receiver: HttpReceiver, timeout: float = 30.0) -> Shipped:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    return ship(folder, resolve("otlp", environ), timeout)


@pytest.fixture(autouse=True)
def exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the exporter itself reads must not come from this machine."""
    for variable in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(variable)


def test_everything_arrives_once_and_a_call_without_an_end_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(tmp_path)
    with HttpReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        assert shipped(tmp_path, receiver) == Shipped(delivered=6, pending=0, quarantined=0)
        arrived = receiver.records()
        assert shipped(tmp_path, receiver) == Shipped(delivered=0, pending=0, quarantined=0)
        assert len(receiver.records()) == 6
    calls = [record for record in arrived if record["event_name"] == "mcp_audit.tool_call"]
    outcomes = [call["attributes"]["mcp_audit.outcome"] for call in calls]
    assert outcomes == ["success", "success", "success", "unknown"]
    assert {record["resource"]["service.name"] for record in arrived} == {"left"}


def test_each_stream_is_sent_under_its_own_resource(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(tmp_path, calls=1, service="one")
    leave(tmp_path, calls=1, service="two")
    with HttpReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        assert shipped(tmp_path, receiver).pending == 0
        assert {record["resource"]["service.name"] for record in receiver.records()} == {"one", "two"}


def test_where_nothing_moves_it_gives_up_and_counts_what_is_pending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(tmp_path)
    with HttpReceiver() as receiver:
        receiver.behave(status(503))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        assert shipped(tmp_path, receiver, timeout=0.5) == Shipped(delivered=0, pending=6, quarantined=0)


def test_a_living_servers_stream_is_read_beside_it(tmp_path: Path) -> None:
    taken: list[AuditRecord] = []

    def write(records: Sequence[AuditRecord]) -> None:
        taken.extend(records)

    audit = Auditor(Settings(dir=str(tmp_path), sinks="none"))
    with audit.call("t", {}):
        pass
    assert ship(tmp_path, resolve([write], {}), 5.0).pending == 0
    assert [record.event_type for record in taken] == ["audit_start", "tool_call"]
    audit.close()
