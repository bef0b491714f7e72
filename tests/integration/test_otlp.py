"""The distro's own settings and an endpoint: every call's record and its one span arrive, over both protocols."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration import attributes, trail
from tests.integration.process import SERVICE, Process, Session, eventually, exporting, scenes_server
from tests.receivers import GrpcReceiver, HttpReceiver
from tests.scenes import kernel, scenes
from tests.scenes.accounts import ALICE, BOB
from tests.scenes.http_wire import HttpWire
from tests.scenes.log import ClientLog, Expected
from tests.scenes.reconcile import journal_lines, received_lines
from tests.scenes.scenes import Scene

SERVER: Final = 2
"""OTLP's number of the span kind."""

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def traced(name: str, flags: str) -> Scene:
    meta = {"traceparent": f"00-{TRACE}-{PARENT}-{flags}"}
    return Scene(name, {"name": "echo", "arguments": {"text": name}, "_meta": meta}, Expected(outcome="success"))


SAMPLED, UNSAMPLED = traced("sampled", "01"), traced("unsampled", "00")
CALLS: Final = (*scenes.ordinary("framework"), SAMPLED, UNSAMPLED)


@dataclass
class Exported:
    """What a client knows, the journal has, and the receiver got."""

    log: ClientLog
    folder: Path
    transport: str
    records: list[dict[str, Any]]
    spans: list[dict[str, Any]]
    stdout: list[bytes]

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The log records of calls."""
        return [record for record in self.records if record["event_name"] == "mcp_audit.tool_call"]

    def record(self, scene: Scene) -> dict[str, Any]:
        """The log record of a scene that is played once a client."""
        keys = [made.key for made in self.log.of(scene.name)]
        return next(
            record
            for record in self.calls
            for key in keys
            if key in {record["attributes"]["mcp_audit.request.id"], self._stdio_key(key, record)}
        )

    def _stdio_key(self, key: str, record: dict[str, Any]) -> str:
        return f"{key.partition('/')[0]}/{record['attributes']['jsonrpc.request.id']}"

    def spans_of(self, record: dict[str, Any]) -> list[dict[str, Any]]:
        """The spans that carry a record's id."""
        record_id = record["attributes"]["audit.record.id"]
        return [span for span in self.spans if span["attributes"].get("audit.record.id") == record_id]


def over_stdio(server: Process) -> ClientLog:
    session = Session(server)
    for scene in CALLS:
        session.wire.call(scene)
    return session.log


def over_http(server: Process) -> ClientLog:
    log = ClientLog()
    for account in (ALICE, BOB):
        wire = HttpWire(server.port(), account.user, account, log, "legacy")
        wire.connect()
        for scene in CALLS:
            wire.call(scene)
    return log


@pytest.fixture(
    scope="module",
    params=[(receiver, transport) for receiver in (HttpReceiver, GrpcReceiver) for transport in ("stdio", "http")],
    ids=lambda param: f"{param[0].scheme}-{param[1]}",
)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Exported]:
    kind, transport = request.param
    folder = tmp_path_factory.mktemp(transport) / "journal"
    # The last spans of a server that a signal ends are the SDK's to lose: have them leave at once.
    changes = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
    if kind is HttpReceiver:
        changes["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
    with kind() as receiver, scenes_server(exporting(folder, receiver.endpoint, **changes), transport) as server:
        log = over_stdio(server) if transport == "stdio" else over_http(server)
        sampled = len(log.calls) - len(log.of(UNSAMPLED.name))

        def spans() -> list[dict[str, Any]]:
            return [span for span in receiver.spans() if "audit.record.id" in span["attributes"]]

        eventually(lambda: len(spans()) >= sampled, "the spans arrive")
        server.leave() if transport == "stdio" else server.terminate()
        yield Exported(log, folder, transport, receiver.records(), receiver.spans(), server.stdout.lines)


def test_every_call_has_its_one_record_at_the_receiver(exported: Exported) -> None:
    trail.assert_complete(exported.log, received_lines(exported.records))
    trail.assert_kept(exported.log, exported.folder)


def test_the_body_is_the_journal_line_byte_for_byte(exported: Exported) -> None:
    kept = [line.rstrip(b"\n") for line in journal_lines(exported.folder)]
    assert sorted(received_lines(exported.records)) == sorted(kept)


def test_every_call_that_is_sampled_has_exactly_one_span_that_carries_its_record_id(exported: Exported) -> None:
    unsampled = exported.log.of(UNSAMPLED.name)
    spans = [len(exported.spans_of(record)) for record in exported.calls]
    assert sorted(spans) == [0] * len(unsampled) + [1] * (len(exported.log.calls) - len(unsampled))


def test_a_record_names_the_context_of_its_span(exported: Exported) -> None:
    for record in exported.calls:
        request = json.loads(record["body"])["event"]["request"]
        assert (record["trace_id"], record["span_id"]) == (request["trace_id"], request["span_id"])
        for span in exported.spans_of(record):
            assert (span["trace_id"], span["span_id"]) == (record["trace_id"], record["span_id"])


def test_no_call_has_a_second_server_span(exported: Exported) -> None:
    spans = [span for span in exported.spans if span["kind"] == SERVER and span["name"].startswith("tools/call")]
    assert len(spans) == len(exported.log.calls) - len(exported.log.of(UNSAMPLED.name))
    assert {span["scope"] for span in spans} == {"mcp-python-sdk" if kernel.MODERN else "otel_mcp_audit"}
    assert all("audit.record.id" in span["attributes"] for span in spans)


def test_the_span_says_who_for_whom_which_request_and_how_it_ended(exported: Exported) -> None:
    names = ("user.id", "mcp_audit.tenant.id", "mcp_audit.request.id", "mcp_audit.outcome", "mcp_audit.duration_ms")
    for record in exported.calls:
        for span in exported.spans_of(record):
            assert {name: span["attributes"][name] for name in names} == {
                name: record["attributes"][name] for name in names
            }


def test_a_span_of_ours_has_the_name_of_a_registered_tool_only(exported: Exported) -> None:
    if kernel.MODERN:
        pytest.skip("2.x: the span is the kernel's own")
    names = {span["name"] for record in exported.calls for span in exported.spans_of(record)}
    assert "tools/call echo" in names
    assert "tools/call" in names  # the unknown tool
    assert not any("nope" in name for name in names)


def test_the_parent_is_the_context_that_the_request_itself_names(exported: Exported) -> None:
    record = exported.record(SAMPLED)
    (span,) = exported.spans_of(record)
    assert (record["trace_id"], span["parent_span_id"]) == (TRACE, PARENT)
    strangers = [other for other in exported.calls if other["trace_id"] == TRACE]
    assert len(strangers) == len(exported.log.of(SAMPLED.name)) + len(exported.log.of(UNSAMPLED.name))


def test_calls_of_one_session_do_not_share_a_trace(exported: Exported) -> None:
    traces = [record["trace_id"] for record in exported.calls if record["trace_id"] != TRACE]
    assert len(set(traces)) == len(traces)


def test_a_client_that_samples_nothing_mutes_no_record(exported: Exported) -> None:
    record = exported.record(UNSAMPLED)
    assert (record["trace_id"], record["attributes"]["mcp_audit.outcome"]) == (TRACE, "success")
    assert not exported.spans_of(record)


def test_the_attributes_are_the_line_and_nothing_else(exported: Exported) -> None:
    for record in exported.calls:
        assert record["attributes"] == attributes.of_body(record["body"])
        assert isinstance(record["attributes"]["mcp_audit.duration_ms"], float)
        assert record["attributes"]["mcp_audit.phi"] is False


def test_severity_scope_and_times_are_those_of_the_record(exported: Exported) -> None:
    for record in exported.calls:
        success = record["attributes"]["audit.outcome"] == "success"
        assert (record["severity_number"], record["severity_text"]) == ((9, "INFO") if success else (13, "WARN"))
        assert record["scope"] == "otel_mcp_audit"
        assert record["timestamp"] <= record["observed_timestamp"]


def test_the_resource_is_the_one_of_the_process(exported: Exported) -> None:
    of_spans = exported.spans[0]["resource"]
    assert of_spans["service.name"] == SERVICE
    assert all(record["resource"] == of_spans for record in exported.records)


def test_nothing_but_the_protocol_is_written_to_stdout(exported: Exported) -> None:
    if exported.transport == "http":  # uvicorn keeps its access log there
        assert all(b" HTTP/1.1" in line for line in exported.stdout)
    else:
        assert all(json.loads(line)["jsonrpc"] == "2.0" for line in exported.stdout)
