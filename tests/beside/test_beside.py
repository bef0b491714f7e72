"""Beside another instrumentation: one record a call, one SERVER span that is the call's own, the right parent."""

import json
import os
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.process import Process, Session, eventually
from tests.receivers import HttpReceiver
from tests.scenes import kernel
from tests.scenes.accounts import ALICE
from tests.scenes.http_wire import HttpWire
from tests.scenes.log import ClientLog, Expected
from tests.scenes.processes import command, environment
from tests.scenes.reconcile import journal_lines, reconcile, tool_calls
from tests.scenes.scenes import Scene

APPLICATION: Final = Path(__file__).with_name("application.py")
PACKAGES: Final = {
    "asgi": "opentelemetry-instrumentation-asgi",
    "starlette": "opentelemetry-instrumentation-starlette",
    "httpx": "opentelemetry-instrumentation-httpx",
    "openinference": "openinference-instrumentation-mcp",
    "traceloop": "opentelemetry-instrumentation-mcp",
    "ddtrace": "ddtrace",
    "logfire": "logfire",
    "sentry": "sentry-sdk",
}
OPENS_HTTP: Final = {"asgi", "starlette"}
"""Companions that open a span for each HTTP request."""

TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
CALLER: Final = "b7ad6b7169203331"
NAMED: Final = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
SERVER: Final = 2
"""SpanKind in OTLP."""

Span = dict[str, Any]


def _echo(text: str, **more: object) -> Scene:
    return Scene(text, {"name": "echo", "arguments": {"text": text}, **more}, Expected(outcome="success"))


SCENES: Final = (_echo("first"), _echo("second"), _echo("named", _meta=NAMED))


def _environ(companion: str, folder: Path, endpoint: str) -> dict[str, str]:
    found = metadata.entry_points(group="opentelemetry_instrumentor").names
    return environment(
        folder,
        OTEL_TRACES_EXPORTER="otlp",
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_BSP_SCHEDULE_DELAY="50",
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_TRACE_AGENT_URL=endpoint,
        OTEL_PYTHON_DISTRO="distro",
        OTEL_PYTHON_CONFIGURATOR="configurator",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=",".join(found - {"mcp_audit", companion}),
    )


def _command(companion: str, transport: str) -> list[str]:
    return command(APPLICATION, companion, transport)


def _played(companion: str, transport: str, environ: dict[str, str]) -> ClientLog:
    with Process(_command(companion, transport), environ) as server:
        if transport == "stdio":
            session = Session(server)
            log, wire = session.log, session.wire
        else:
            log = ClientLog()
            wire = HttpWire(server.port(), "beside", ALICE, log, "legacy")
            wire.connect()
        for scene in SCENES:
            answer = wire.call(scene).answer or ""
            assert scene.name in answer, answer
            assert '"isError":true' not in answer
        if transport == "stdio":
            assert server.leave() == 0, server.stderr.text
        else:
            server.terminate()
        assert "Traceback" not in server.stderr.text, server.stderr.text
    return log


@pytest.mark.parametrize("transport", ["stdio", "http"])
@pytest.mark.parametrize("companion", PACKAGES)
def test_each_call_has_one_record_and_one_span_of_its_own(companion: str, transport: str, tmp_path: Path) -> None:
    try:
        version = metadata.version(PACKAGES[companion])
    except metadata.PackageNotFoundError:
        pytest.skip(f"{PACKAGES[companion]} is not installed: nox -s beside has it")
    if companion == "traceloop" and kernel.MODERN:
        pytest.skip("it wraps a name that mcp 2 has not, and the import of mcp fails: no server to audit")
    with HttpReceiver() as receiver:
        log = _played(companion, transport, _environ(companion, tmp_path, receiver.endpoint))
        records = {record.event["id"]: record.event for record in tool_calls(journal_lines(tmp_path))}
        found = reconcile(log, journal_lines(tmp_path))
        assert found.agrees, found
        assert len(records) == len(SCENES)
        eventually(lambda: len(_tied(receiver.spans())) >= len(SCENES), "the calls' spans arrive")
        spans = receiver.spans()
    parents = [_parent(event, spans) for event in records.values()]
    assert parents[-1] == CALLER, "the caller is named in _meta"
    if transport == "http" and companion in OPENS_HTTP:
        servers = {span["span_id"] for span in spans if span["kind"] == SERVER}
        assert set(parents[:2]) <= servers
        assert parents[0] != parents[1], "the request's own span, never the session's"
    _note(f"{companion} {version}", transport, len(log.calls), records, spans)


def _tied(spans: list[Span]) -> list[Span]:
    return [span for span in spans if "audit.record.id" in span["attributes"]]


def _parent(event: Any, spans: list[Span]) -> str:
    """The parent of the one span that belongs to a record."""
    (span,) = (span for span in spans if span["attributes"].get("audit.record.id") == event["id"])
    assert span["kind"] == SERVER
    assert span["attributes"]["mcp.method.name"] == "tools/call"
    assert (span["trace_id"], span["span_id"]) == (event["request"]["trace_id"], event["request"]["span_id"])
    assert span["scope"] == ("mcp-python-sdk" if kernel.MODERN else "otel_mcp_audit")
    return span["parent_span_id"]


def _note(companion: str, transport: str, calls: int, records: Any, spans: list[Span]) -> None:
    """Append the row to the file that ``AUDIT_BESIDE`` names."""
    if results := os.environ.get("AUDIT_BESIDE"):
        row = {
            "companion": companion,
            "kernel": f"mcp {metadata.version('mcp')}",
            "transport": transport,
            "calls": calls,
            "records": len(records),
            "spans": len(_tied(spans)),
            "scopes": sorted({span["scope"] for span in spans}),
        }
        with Path(results).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
