"""The demonstration as its user has it: the real command, the real server, the real client."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import otel_mcp_audit
from otel_mcp_audit.cli import demo as demo_command
from otel_mcp_audit.cli.demo import demo
from otel_mcp_audit.demo import parts, stage
from otel_mcp_audit.demo.reckoning import reckon
from otel_mcp_audit.demo.stage import Call
from otel_mcp_audit.line import Body, Event, Request, Response, User, encode_body
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.seal import GENESIS, Link, seal

COMMAND = Path(sys.executable).with_name("otel-mcp-audit")
PATIENCE = 40.0


def environment(folder: Path) -> dict[str, str]:
    """Fresh folders are made in ``folder``; a foreign OTel setting must not matter."""
    return {**os.environ, "TMPDIR": str(folder), "OTEL_SDK_DISABLED": "true", "OTEL_MCP_AUDIT_DISABLED": "true"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "demo", *arguments],
        env=environment(folder),
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Any:
    done = run(tmp_path_factory.mktemp("demo"), "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_calls_made_are_records_kept_by_the_clients_own_ids(data: Any) -> None:
    calls = [call["id"] for call in data["calls"]]
    assert len(set(calls)) == len(calls) == 11
    assert sorted(calls) == sorted(record["request"]["id"] for record in data["records"])
    assert data["reckoning"] == {"missing": [], "doubled": [], "strangers": []}
    assert data["ok"] is True


def test_each_record_names_who_called_what_and_how_it_ended(data: Any) -> None:
    kept = {record["request"]["id"]: record for record in data["records"]}
    for call in data["calls"]:
        record = kept[call["id"]]
        assert record["tool"] == call["tool"]
        assert (record["user"]["id"], record["user"]["tenant_id"]) == (call["user"], call["tenant"])
        assert (record["response"]["outcome"] == "success") == (call["saw"] == "an answer")
    outcomes = {record["response"]["outcome"] for record in data["records"]}
    assert outcomes == {"success", "tool_error", "invalid_params", "unknown_tool", "exception", "cancelled"}


def test_the_chain_is_verified(data: Any) -> None:
    assert data["verify"]["ok"] is True
    assert data["verify"]["records"] > len(data["calls"])
    assert data["verify"]["findings"] == []


def test_the_folder_is_kept(data: Any) -> None:
    folder = Path(data["folder"])
    assert {path.name for path in folder.iterdir()} == {"journal", "server.log", "client.log"}


def test_people_are_shown_everything_and_where_to_look_further(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"alice@acme +read_chart +tool_error", done.stdout)
    assert re.search(r"carol@acme +export_charts +cancelled", done.stdout)
    assert "1 stream, chain intact." in done.stdout
    assert "11 calls made, 11 records kept: each call has exactly one record." in done.stdout
    assert '"outcome": "tool_error"' in done.stdout
    [folder] = tmp_path.iterdir()
    assert f"otel-mcp-audit verify --dir {folder / 'journal'}" in done.stdout
    assert "stopping the server with SIGTERM" in done.stderr


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + 15), (signal.SIGHUP, 128 + 1)]
)
def test_a_signal_ends_the_server_too(tmp_path: Path, number: signal.Signals, status: int) -> None:
    with subprocess.Popen(
        [COMMAND, "demo"], env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        listening = next(line for line in process.stderr if b"listens on" in line)
        process.send_signal(number)
        assert process.wait(PATIENCE) == status
        assert b"Traceback" not in process.stderr.read()
    port = int(listening.split(b"127.0.0.1:")[1].split(b";")[0])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


@pytest.mark.parametrize(("part", "named"), [("mcp", "mcp>=1.21"), ("opentelemetry_distro", "opentelemetry-distro")])
def test_a_missing_part_is_named_in_one_line_with_the_mend(tmp_path: Path, part: str, named: str) -> None:
    """An environment that is this one without the part: its packages by links, and no other."""
    installed = Path(sysconfig.get_path("purelib"))
    for package in installed.iterdir():
        if package.name != part and not package.name.startswith(f"{part}-"):
            (tmp_path / package.name).symlink_to(package)
    ours = Path(otel_mcp_audit.__file__).parents[1]
    path = [tmp_path] if ours == installed else [tmp_path, ours]
    done = subprocess.run(
        [sys.executable, "-S", "-c", "from otel_mcp_audit.cli import main; main()", "demo"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"otel-mcp-audit: the demo needs {named}: pip install 'otel-mcp-audit[demo]'\n"


def test_an_old_mcp_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(_distribution: str) -> str:
        return "1.20.0"

    monkeypatch.setattr(parts, "version", version)
    with pytest.raises(parts.DemoError, match=r"the demo needs mcp>=1\.21: pip install"):
        parts.require()


def test_a_server_that_nobody_audits_is_seen_and_exits_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The loader is replaced by one that loads nothing: what a broken environment does in silence."""
    loader = tmp_path / "loads-nothing"
    loader.write_text('#!/bin/sh\nexec "$@"\n', encoding="utf-8")
    loader.chmod(0o700)
    monkeypatch.setattr(parts, "loader", lambda: str(loader))
    monkeypatch.setattr(demo_command.tempfile, "tempdir", str(tmp_path))
    assert demo() == 1
    shown = capsys.readouterr().out
    assert "11 calls made, 0 records kept: NOT what the client did." in shown
    assert "missing: alice-" in shown


def test_a_server_that_does_not_start_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no such clinic')\n", encoding="utf-8")
    monkeypatch.setattr(stage, "SERVER", broken)
    with pytest.raises(parts.DemoError, match=re.escape(f"did not start: see {tmp_path / 'server.log'}")):
        stage.perform(tmp_path, os.environ, lambda text: None)
    assert "no such clinic" in (tmp_path / "server.log").read_text(encoding="utf-8")


def call(name: str) -> Call:
    return Call(id=name, user="alice", tenant="acme", tool="read_chart", saw="an answer")


def record(request_id: str) -> AuditRecord:
    event = Event(
        action="EXECUTE",
        event_type="tool_call",
        id=f"record of {request_id}",
        request=Request(id=request_id),
        response=Response(outcome="success"),
        timestamp="2026-11-24T10:30:00.000000Z",
        user=User(),
    )
    line, _ = seal(encode_body(Body(event=event)), Link("stream", 1, GENESIS))
    return AuditRecord(line.rstrip())


@pytest.mark.parametrize(
    ("calls", "records", "missing", "doubled", "strangers"),
    [
        (["a", "b"], ["b", "a"], [], [], []),
        (["a", "b"], ["a"], ["b"], [], []),
        (["a"], ["a", "a"], [], ["a"], []),
        (["a"], ["a", "z"], [], [], ["z"]),
    ],
)
def test_the_reckoning_is_by_id_and_not_by_number(
    calls: Sequence[str], records: Sequence[str], missing: list[str], doubled: list[str], strangers: list[str]
) -> None:
    reckoning = reckon([call(name) for name in calls], [record(name) for name in records])
    assert reckoning == (missing, doubled, strangers)
    assert reckoning.right is not any((missing, doubled, strangers))
