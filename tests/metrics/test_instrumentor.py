"""Metrics by ``instrument()``: on which meter, and never twice, whatever else is installed."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration import trail
from tests.integration.process import exporting, python
from tests.receivers import HttpReceiver
from tests.scenes.processes import environment

OPERATION: Final = "mcp.server.operation.duration"

METERS: Final = """
import json
from opentelemetry import metrics
from otel_mcp_audit import MCPAuditInstrumentor
from tests.integration import seamstress
from tests.metrics.reading import Meters

def seen(meters):
    return [
        (name, getattr(point, "value", getattr(point, "count", None)), dict(point.attributes))
        for name, points in meters.metrics().items() for point in points
    ]
"""


def run(folder: Path, code: str, **environ: str) -> Any:
    ran = python(METERS + code, environment(folder, **environ), instrumented=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def calls(seen: list[Any]) -> float:
    """Calls that were counted."""
    kind = "mcp_audit.event_type"
    return sum(count for name, count, has in seen if name == "audit.records.emitted" and has[kind] == "tool_call")


def measured(seen: list[Any]) -> list[int]:
    """Calls that were measured."""
    return [count for name, count, has in seen if name == OPERATION and has["mcp.method.name"] == "tools/call"]


def test_calls_are_measured_by_us_alone_whatever_else_is_installed(tmp_path: Path) -> None:
    """Where a kernel or another instrumentation begins to measure calls itself, this is what says so."""
    with HttpReceiver() as receiver:
        environ = exporting(tmp_path / "journal", receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
        ran = python("from tests.integration import seamstress\nseamstress.play(3)", environ)
        assert ran.returncode == 0, ran.stderr
        metrics = receiver.metrics()
    scopes = {metric["scope"] for metric in metrics if metric["name"] == OPERATION}
    assert scopes == {"otel_mcp_audit"}
    (points,) = (metric["points"] for metric in metrics if metric["name"] == OPERATION)
    methods = [point["mcp.method.name"] for point in points]
    assert "tools/call" in methods
    assert len(methods) == len(set(methods))
    assert {"audit.records.emitted", "audit.records.exported"} <= {metric["name"] for metric in metrics}


GIVEN: Final = """
from tests.scenes import servers

given, other, touched = Meters(), Meters(), []
metrics.set_meter_provider(other.provider)
get_meter = given.provider.get_meter
given.provider.get_meter = lambda *arguments, **more: (touched.append(1), get_meter(*arguments, **more))[1]
instrumentor = MCPAuditInstrumentor()
instrumentor.instrument(meter_provider=given.provider)
servers.build("framework")
before = len(touched)
for _ in range(3):
    instrumentor.instrument(meter_provider=given.provider)
    seamstress.play()
    instrumentor.uninstrument()
    seamstress.play()
print(json.dumps({"given": seen(given), "other": seen(other), "touched": [before, len(touched)]}))
"""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a given provider and the global one have of a process that was instrumented, taken back and so on."""
    folder = tmp_path_factory.mktemp("given") / "journal"
    return {**run(folder, GIVEN), "records": len(trail.events(trail.lines(folder), "tool_call"))}


def test_a_given_provider_has_them_and_the_global_one_has_not(given: dict[str, Any]) -> None:
    assert given["given"]
    assert not [name for name, _, _ in given["other"] if name.startswith(("audit.", "mcp."))]


def test_instrumented_twice_and_taken_back_and_again_counts_once(given: dict[str, Any]) -> None:
    assert calls(given["given"]) == given["records"] == 3
    assert measured(given["given"]) == [3]


def test_no_meter_is_touched_before_a_trail_begins(given: dict[str, Any]) -> None:
    assert given["touched"] == [0, 1]


def test_a_provider_that_is_set_after_the_first_call_has_them_from_then_on(tmp_path: Path) -> None:
    code = """
MCPAuditInstrumentor().instrument()
seamstress.play()
late = Meters()
metrics.set_meter_provider(late.provider)
seamstress.play(2)
print(json.dumps(seen(late)))
"""
    seen = run(tmp_path / "journal", code)
    assert calls(seen) == 3  # sums are of the process
    assert measured(seen) == [2]


def test_with_the_sdk_disabled_there_are_no_metrics_and_recording_goes_on(tmp_path: Path) -> None:
    code = """
given = Meters()
MCPAuditInstrumentor().instrument(meter_provider=given.provider)
seamstress.play(2)
print(json.dumps(seen(given)))
"""
    assert run(tmp_path / "journal", code, OTEL_SDK_DISABLED="true") == []
    assert len(trail.events(trail.lines(tmp_path / "journal"), "tool_call")) == 2
