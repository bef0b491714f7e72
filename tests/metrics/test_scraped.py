"""A real server whose metrics are scraped: calls made = records counted, and nobody's name on a metric."""

import json
import re
import socket
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from otel_mcp_audit import tally
from tests.collector.prometheus import named
from tests.collector.test_alerts import ASKED_FOR
from tests.integration import trail
from tests.integration.process import call, eventually, exporting, scenes_server
from tests.receivers import HttpReceiver
from tests.require import require
from tests.scenes.accounts import ALICE
from tests.scenes.http_wire import HttpWire
from tests.scenes.log import ClientLog

DROPPED: Final = "audit_records_dropped_total"
UNKNOWN: Final = "CANARY-tool"


@dataclass
class Scraped:
    """What Prometheus would read, and what there was to count."""

    text: str
    samples: list[tuple[str, dict[str, str], float]]
    log: ClientLog
    folder: Path
    receiver: HttpReceiver

    def of(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        return sum(value for sample, have, value in self.samples if sample == name and labels.items() <= have.items())


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scraped]:
    require(
        "prometheus",
        find_spec("opentelemetry.exporter.prometheus"),
        "pip install opentelemetry-exporter-prometheus",
    )
    folder = tmp_path_factory.mktemp("scraped") / "journal"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with HttpReceiver() as receiver:
        environ = exporting(
            folder,
            receiver.endpoint,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_TRACES_EXPORTER="none",
            OTEL_METRICS_EXPORTER="prometheus",
            OTEL_EXPORTER_PROMETHEUS_PORT=port,
        )
        log = ClientLog()
        with scenes_server(environ, "http") as server:
            wire = HttpWire(server.port(), "alice", ALICE, log, "legacy")
            wire.connect()
            for _ in range(3):
                wire.call(call("echo", "echo", text="CANARY-argument"))
            wire.call(call("unknown", UNKNOWN, "unknown_tool"))
            eventually(lambda: not trail.undelivered(folder, receiver.records()), "all has arrived")
            eventually(lambda: ("audit_queue_depth", 0.0) in depths(scrape(port)), "and is known to have")
            text = scrape(port)
            server.terminate()
        yield Scraped(text, parsed(text), log, folder, receiver)


def scrape(port: str) -> str:
    """As Prometheus does."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read().decode()


def parsed(text: str) -> list[tuple[str, dict[str, str], float]]:
    """Its own parser's opinion."""
    from prometheus_client.parser import text_string_to_metric_families

    families: Any = text_string_to_metric_families(text)
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


def depths(text: str) -> list[tuple[str, float]]:
    """What waits for the sinks."""
    return [(name, value) for name, _, value in parsed(text) if name == "audit_queue_depth"]


def test_calls_made_are_records_counted(scraped: Scraped) -> None:
    assert len(scraped.log.calls) == 4
    assert scraped.of("audit_records_emitted_total", mcp_audit_event_type="tool_call") == len(scraped.log.calls)
    about_the_trail = scraped.of("audit_records_emitted_total", mcp_audit_event_type="audit_start")
    assert scraped.of("audit_records_emitted_total") == len(scraped.log.made) + about_the_trail
    assert scraped.of("audit_records_emitted_total", mcp_audit_outcome="unknown_tool") == 1
    trail.assert_kept(scraped.log, scraped.folder)


def test_records_that_have_arrived_are_records_exported(scraped: Scraped) -> None:
    stop = 1  # came after the scrape
    assert scraped.of("audit_records_exported_total", mcp_audit_sink="otlp") == len(trail.lines(scraped.folder)) - stop
    dropped = {have["mcp_audit_reason"]: value for name, have, value in scraped.samples if name == DROPPED}
    assert dropped == dict.fromkeys((*tally.LOSSES, "quarantined"), 0.0)  # there before anything is: see an increase
    assert scraped.of("audit_export_duration_seconds_count", mcp_audit_sink="otlp") >= 1
    assert 0 < scraped.of("audit_journal_utilization") < 0.01


def test_calls_are_measured_by_the_tools_that_are_registered(scraped: Scraped) -> None:
    name = "mcp_server_operation_duration_seconds_count"
    assert scraped.of(name, gen_ai_tool_name="echo", mcp_method_name="tools/call") == 3
    assert scraped.of(name, network_transport="tcp", gen_ai_operation_name="execute_tool") == 4
    assert scraped.of(name) == len(scraped.log.made)


def test_nobody_and_nothing_a_client_chose_is_on_a_metric(scraped: Scraped) -> None:
    chosen = {made.key for made in scraped.log.made}
    records = [json.loads(line)["event"] for line in trail.bodies(scraped.receiver.records())]
    ids = {event[part]["id"] for event in records for part in ("user", "request") if event[part]["id"]}
    tenants = {event["user"]["tenant_id"] for event in records}
    for text in {"CANARY", *chosen, *(ids - {"root"}), *(tenants - {"unassigned"})}:
        assert text not in scraped.text, text


def test_all_that_rules_and_dashboard_ask_a_server_for_is_there(scraped: Scraped) -> None:
    there = {name for name, *_ in scraped.samples}
    asked = named(ASKED_FOR, "audit_(?:records|queue|journal|export)|mcp_server")
    assert asked
    assert asked <= there
    labels = {label for _, have, _ in scraped.samples for label in have}
    assert set(re.findall(r"mcp_audit_\w+|gen_ai_\w+", ASKED_FOR)) <= labels
