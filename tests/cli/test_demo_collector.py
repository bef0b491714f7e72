"""The demonstration with a Collector behind it: the real binary, and what the SIEM has against the client's own log."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otel_mcp_audit.cli import demo as demo_command
from otel_mcp_audit.cli.demo import demo
from otel_mcp_audit.demo import road, siem
from tests.collector import journals
from tests.collector.binary import CONFIG, binary
from tests.integration.process import ROOT, eventually

COMMAND = Path(sys.executable).with_name("otel-mcp-audit")
PATIENCE = 100.0


def run(folder: Path, collector: str, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """As ``make demo COLLECTOR=1`` does it; a foreign OTel setting must not matter."""
    foreign = {"OTEL_SDK_DISABLED": "true", "OTEL_MCP_AUDIT_DISABLED": "true"}
    return subprocess.run(
        [COMMAND, "demo", "--collector", collector, *arguments],
        env={**os.environ, **foreign, "TMPDIR": str(folder), "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"},
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Any:
    [collector] = re.findall(r"--collector '(.+)'$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    done = run(tmp_path_factory.mktemp("demo"), collector, "--json", path=str(binary().parent))
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def at_the_siem(data: Any) -> list[dict[str, Any]]:
    """The requests of the calls that it has."""
    lines = (Path(data["folder"]) / "siem.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    events = [json.loads(json.loads(line)["event"])["event"] for line in lines]
    return [event["request"] for event in events if event["event_type"] == "tool_call"]


def test_calls_made_are_events_at_the_siem_by_the_clients_own_ids(data: Any) -> None:
    arrived = [request["id"] for request in at_the_siem(data)]
    calls = [call["id"] for call in data["calls"]]
    assert len(calls) == 11
    assert sorted(arrived) == sorted(calls)
    assert data["arrival"]["records"] == len(calls)
    assert data["arrival"]["reckoning"] == {"missing": [], "doubled": [], "strangers": []}


def test_archive_and_siem_are_verified_against_the_journal(data: Any) -> None:
    for place in ("archive", "siem"):
        report = data["arrival"][place]
        assert (report["ok"], report["records"], report["missing"]) == (True, data["verify"]["records"], []), place


def test_spans_arrive_beside_the_records(data: Any) -> None:
    spans = (Path(data["folder"]) / "telemetry" / "spans.jsonl").read_text(encoding="utf-8")
    recorded = {request["trace_id"] for request in at_the_siem(data)}
    assert recorded & set(re.findall(r'"traceId":"(\w+)"', spans))


def test_a_collector_that_does_not_send_on_is_seen_and_exits_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_command.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(road, "ARRIVAL_S", 0.5)
    assert demo(collector=f"{binary()} --config {CONFIG / 'base.yaml'}") == 1
    shown = capsys.readouterr().out
    assert "11 calls made, 11 records kept: each call has exactly one record." in shown
    assert "11 calls made, 0 records at the SIEM: NOT what the client did." in shown
    assert "missing: alice-" in shown


def test_what_a_busy_siem_takes_later_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taking = siem.Intake.do_POST
    asked: list[str] = []

    def busy_at_first(intake: siem.Intake) -> None:
        asked.append(intake.path)
        if len(asked) > 1:
            return taking(intake)
        intake.rfile.read(int(intake.headers["Content-Length"]))
        return intake.send_error(503)

    monkeypatch.setattr(siem.Intake, "do_POST", busy_at_first)
    retry = "--set exporters.splunk_hec.retry_on_failure.initial_interval=500ms"
    command = f"{binary()} --config {CONFIG / 'base.yaml'} --config {CONFIG / 'splunk.yaml'} {retry}"
    lines = journals.leave(tmp_path / "journal", 3)
    with road.road(command, tmp_path, os.environ, lambda text: None) as laid:
        arrival = laid.arrival([], tmp_path / "journal")
    assert len(asked) > 1
    assert (arrival.copy.records, arrival.copy.missing) == (len(lines), [])
    assert len(arrival.reckoning.strangers) == arrival.records == 3


def test_a_signal_ends_a_collector_that_is_still_starting(tmp_path: Path) -> None:
    number = tmp_path / "pid"
    with subprocess.Popen(
        [COMMAND, "demo", "--collector", f"sh -c 'echo $$ > {number}; exec sleep 60'"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        eventually(lambda: number.exists() and number.read_text(encoding="utf-8").endswith("\n"), "it has started")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int(number.read_text(encoding="utf-8")), 0)


@pytest.mark.parametrize(
    ("collector", "said"),
    [
        ("no-such-collector --config base.yaml", "Collector cannot be started: .*no-such-collector"),
        ("", "--collector is empty: give the command line"),
        ("otelcol --config 'base.yaml", "--collector is no command line: No closing quotation"),
        ("echo no such file", r"Collector did not start: see .*collector\.log"),
    ],
    ids=["not there", "empty", "no command line", "ends at once"],
)
def test_what_does_not_start_a_collector_is_one_clear_error(tmp_path: Path, collector: str, said: str) -> None:
    done = run(tmp_path, collector)
    assert (done.returncode, done.stdout) == (2, "")
    *_progress, last = done.stderr.splitlines()
    assert re.search(said, last)
    assert "Traceback" not in done.stderr
