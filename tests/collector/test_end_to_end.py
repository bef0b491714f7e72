"""Real servers and clients, the journal, OTLP over both protocols, the Collector, and every kind of destination."""

import json
import signal
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from otel_mcp_audit.verify import verify
from tests.collector import application, archive
from tests.collector.collector import Collector
from tests.collector.sinks import LOGS, Sinks
from tests.integration import attributes, trail
from tests.integration.process import Process, Session, eventually, exporting, script_server
from tests.scenes import scenes
from tests.scenes.accounts import ALICE, BOB
from tests.scenes.http_wire import HttpWire
from tests.scenes.log import ClientLog
from tests.scenes.reconcile import journal_lines, received_lines

SERVER: Final = Path(application.__file__)
TRAIL: Final = "mcp_audit.audit_"
"""How the names of records begin that are about the trail, and no request's."""

CALLS: Final = scenes.ordinary("framework")
PLACES: Final = ("archive", *LOGS)
WITH_LOGS: Final = ("datadog", "store")
"""Places that take spans and the application's own logs too."""


@dataclass
class Road:
    """What the clients know, the journals have, and each place got."""

    log: ClientLog
    journals: Path
    collector: Collector
    sinks: Sinks
    stderr: list[str]

    def records(self, place: str) -> list[dict[str, Any]]:
        """The audit records that a place has."""
        return archive.records(self.collector.archive) if place == "archive" else self.sinks.records(place)

    def requests(self, place: str) -> list[dict[str, Any]]:
        """Those that are a request's; Splunk has the name in an attribute."""
        names = [record.get("event_name") or record["attributes"]["otel.log.name"] for record in self.records(place)]
        return [each for each, name in zip(self.records(place), names, strict=True) if not name.startswith(TRAIL)]

    def logs(self, place: str) -> list[dict[str, Any]]:
        """All log records that a place has."""
        return archive.records(self.collector.archive) if place == "archive" else self.sinks.logs(place)

    @property
    def kept(self) -> list[bytes]:
        """All lines of the journals."""
        return [line.rstrip(b"\n") for folder in self.journals.iterdir() for line in journal_lines(folder)]


def over_stdio(server: Process) -> ClientLog:
    session = Session(server)
    for scene in CALLS:
        session.wire.call(scene)
    server.leave()
    return session.log


def over_http(server: Process) -> ClientLog:
    log = ClientLog()
    for account in (ALICE, BOB):
        wire = HttpWire(server.port(), account.user, account, log, "legacy")
        wire.connect()
        for scene in CALLS:
            wire.call(scene)
    server.send(signal.SIGINT)  # after SIGTERM the last spans are the SDK's to lose
    server.ended()
    return log


def environ(journal: Path, endpoint: str, **changes: str) -> dict[str, str]:
    """As an operator sets it who wants all signals at one endpoint, and one who would choose another's index."""
    chosen = "com.splunk.index=another,com.splunk.hec.access_token=another"
    own = {"OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true", "OTEL_RESOURCE_ATTRIBUTES": chosen}
    return exporting(journal, endpoint, **own, **changes)


@pytest.fixture(scope="module", params=["true", "false"], ids=["queue", "hold"])
def road(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Road]:
    folder = tmp_path_factory.mktemp("road")
    with (
        Sinks(folder / "sinks") as sinks,
        Collector(
            folder / "collector", "base", "splunk", "datadog", "otlp", AUDIT_QUEUE=request.param, **sinks.variables
        ) as collector,
    ):
        journals = folder / "journals"
        http = environ(
            journals / "http",
            collector.endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        )
        grpc = environ(journals / "grpc", collector.grpc)
        with script_server(SERVER, http, "stdio") as by_http, script_server(SERVER, grpc, "http") as by_grpc:
            log = ClientLog([*over_stdio(by_http).made, *over_http(by_grpc).made])
        road = Road(log, journals, collector, sinks, [by_http.stderr.text, by_grpc.stderr.text])
        eventually(lambda: all(len(road.records(place)) >= len(road.kept) for place in PLACES), "all records arrive")
        eventually(lambda: all(len(sinks.spans(sink)) >= len(log.made) for sink in WITH_LOGS), "all spans arrive")
        yield road


@pytest.mark.parametrize("place", PLACES)
def test_every_call_has_its_one_record_at_the_far_end(road: Road, place: str) -> None:
    trail.assert_complete(road.log, received_lines(road.records(place)))


@pytest.mark.parametrize("place", PLACES)
def test_what_arrives_is_what_the_journal_has_byte_for_byte(road: Road, place: str) -> None:
    assert sorted(received_lines(road.records(place))) == sorted(road.kept)


@pytest.mark.parametrize("place", PLACES)
def test_each_copy_verifies_and_lacks_nothing_that_the_journals_have(road: Road, place: str) -> None:
    copy = road.collector.archive if place == "archive" else next(road.sinks.folder.glob(f"{place}*.jsonl"))
    others = {"foreign"} if place in WITH_LOGS else set[str]()  # the application's own logs are no records, and said so
    for journal in road.journals.iterdir():
        report = verify([copy], against=journal)
        assert (report.records, report.missing) == (len(road.kept), [])
        assert {finding.kind for finding in report.findings} == others


@pytest.mark.parametrize("place", ["archive", *WITH_LOGS])
def test_attributes_arrive_as_they_were_sent(road: Road, place: str) -> None:
    for record in road.requests(place):
        assert record["attributes"] == attributes.of_body(record["body"])


def test_splunk_has_every_attribute_and_the_fields_of_its_information_model(road: Road) -> None:
    requests = road.requests("splunk")
    assert len(requests) == len(road.log.made)
    for record in requests:
        found, sent = record["attributes"], attributes.of_body(record["body"])
        assert sent.items() <= found.items()
        assert found["vendor_product"] == "otel_mcp_audit"
        assert (found.get("user"), found.get("status")) == (sent.get("user.id"), sent.get("audit.outcome"))
        assert found.get("object") == sent.get("gen_ai.tool.name")


def test_no_sender_chooses_its_index_or_token_at_splunk(road: Road) -> None:
    assert {record["resource"]["com.splunk.index"] for record in road.records("splunk")} == {"mcp_audit"}
    assert not any("com.splunk.hec.access_token" in record["resource"] for record in road.records("splunk"))


@pytest.mark.parametrize("sink", WITH_LOGS)
def test_a_record_and_its_span_have_one_trace_id_at_the_far_end(road: Road, sink: str) -> None:
    spans = {(span["trace_id"], span["span_id"]) for span in road.sinks.spans(sink)}
    requests = road.requests(sink)
    assert len(requests) == len(road.log.made)
    assert {(request["trace_id"], request["span_id"]) for request in requests} <= spans


def test_spans_are_kept_in_a_file_too(road: Road) -> None:
    kept = archive.held(road.collector.telemetry, "spans*.jsonl")
    assert Counter(span["span_id"] for span in kept) == Counter(span["span_id"] for span in road.sinks.spans("store"))


@pytest.mark.parametrize("sink", WITH_LOGS)
def test_the_applications_own_logs_arrive_beside_the_trail(road: Road, sink: str) -> None:
    assert [log["body"] for log in road.sinks.logs(sink)].count(application.SAID) == 2


def test_the_applications_own_logs_are_kept_in_a_file_and_counted(road: Road) -> None:
    kept = archive.held(road.collector.telemetry, "logs*.jsonl")
    assert [log["body"] for log in kept].count(application.SAID) == 2
    assert not any(log["event_name"].startswith("mcp_audit.") for log in kept)
    assert road.collector.metric("otelcol_exporter_sent_log_records", exporter="file/logs") == len(kept)


@pytest.mark.parametrize("place", ["archive", "splunk"])
def test_nothing_but_the_trail_is_in_the_archive_and_the_siem(road: Road, place: str) -> None:
    assert all(json.loads(log["body"])["event"]["id"] for log in road.logs(place))


def test_metrics_are_accepted(road: Road) -> None:
    assert road.collector.metric("otelcol_receiver_accepted_metric_points") > 0
    assert road.collector.metric("otelcol_receiver_refused_metric_points") == 0


def test_no_sender_sees_an_error(road: Road) -> None:
    assert not [text for text in road.stderr if "xport" in text or "Traceback" in text]


def test_the_collectors_have_nothing_to_complain_of(road: Road) -> None:
    assert road.collector.complaints() == road.sinks.complaints() == []
