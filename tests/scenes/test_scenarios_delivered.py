"""The same calls at the end of the road: an OTLP receiver holds what the client did, by record id."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.receivers.otlp_grpc import GrpcReceiver
from tests.receivers.otlp_http import HttpReceiver
from tests.receivers.receiver import Receiver
from tests.scenes import http_runs, scenes, stdio_runs
from tests.scenes.kernel import ERAS, LEADING, STYLES, Style
from tests.scenes.log import ClientLog
from tests.scenes.reconcile import kept, received_lines, reconcile
from tests.scenes.runs import switched
from tests.scenes.servers import LOG_LEVEL


def by_address(receiver: Receiver) -> dict[str, str]:
    """The route of a sink with an address of its own."""
    return {"OTEL_MCP_AUDIT_SINKS": receiver.address, LOG_LEVEL: "CRITICAL"}


def by_otel_variables(receiver: Receiver) -> dict[str, str]:
    """The route of OpenTelemetry's own variables: the trail goes where the process's logs go."""
    return {
        "OTEL_MCP_AUDIT_SINKS": "",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc" if receiver.scheme == "grpc" else "http/protobuf",
    }


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("protocol", [HttpReceiver, GrpcReceiver])
def test_a_stdio_server_has_delivered_every_call_when_its_client_has_left(
    tmp_path: Path, style: Style, protocol: type[HttpReceiver | GrpcReceiver]
) -> None:
    with protocol() as receiver:
        run = stdio_runs.wire(style, "legacy", "on", tmp_path, **by_address(receiver))
        ship(switched(tmp_path, "on", **by_address(receiver)))  # what the bounded flush at exit left on a busy machine
        received = received_lines(receiver.records())
    result = reconcile(run.log, received, in_process=scenes.own_calls(style))
    assert result.agrees, str(result)
    assert set(received) == {line.rstrip(b"\n") for line in run.lines}


def test_the_otel_variables_alone_lead_there_too(tmp_path: Path) -> None:
    with HttpReceiver() as receiver:
        run = stdio_runs.wire(STYLES[-1], "legacy", "on", tmp_path, **by_otel_variables(receiver))
        ship(switched(tmp_path, "on", **by_otel_variables(receiver)))
        result = reconcile(run.log, received_lines(receiver.records()), in_process=scenes.own_calls(STYLES[-1]))
    assert result.agrees, str(result)


def test_what_a_terminated_http_server_still_held_is_shipped_later(tmp_path: Path) -> None:
    with HttpReceiver() as receiver:
        runs = http_runs.wire(LEADING, "on", tmp_path, **by_address(receiver))
        shipped = ship(switched(tmp_path, "on", **by_address(receiver)))
        received = received_lines(receiver.records())
    assert shipped.returncode == 0, shipped.stderr
    made = ClientLog([made for run in runs.values() for made in run.log.made])
    result = reconcile(made, received)
    assert result.agrees, str(result)
    assert len(kept(set(received))) == len(made.made) > len(ERAS)


def ship(environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """What an operator does, or a timer: deliver what is left."""
    command = Path(sys.executable).with_name("otel-mcp-audit")
    return subprocess.run([command, "ship"], env=dict(environ), capture_output=True, encoding="utf-8", check=False)
