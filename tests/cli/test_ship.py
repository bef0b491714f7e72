"""``otel-mcp-audit ship`` from outside."""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

from otel_mcp_audit import Auditor, Settings
from tests.receivers import HttpReceiver, status

COMMAND = Path(sysconfig.get_path("scripts")) / "otel-mcp-audit"


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")} | environ
    command = [COMMAND, "ship", "--dir", folder, *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, encoding="utf-8", check=False, timeout=50)


def leave(folder: Path) -> None:
    audit = Auditor(Settings(dir=str(folder), sinks="none"))
    with audit.call("t", {}):
        pass
    audit.close()


def at(receiver: HttpReceiver) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}


def test_what_was_left_is_delivered_and_counted(tmp_path: Path) -> None:
    leave(tmp_path)
    with HttpReceiver() as receiver:
        done = run(tmp_path, "--json", **at(receiver))
        assert (done.returncode, json.loads(done.stdout)) == (0, {"delivered": 3, "pending": 0, "quarantined": 0})
        assert len(receiver.records()) == 3
        assert run(tmp_path, **at(receiver)).stdout == "0 records delivered to otlp, 0 pending\n"


def test_what_stays_pending_is_exit_status_1(tmp_path: Path) -> None:
    leave(tmp_path)
    with HttpReceiver() as receiver:
        receiver.behave(status(503))
        done = run(tmp_path, "--json", "--timeout", "0.5", **at(receiver))
    assert (done.returncode, json.loads(done.stdout)["pending"]) == (1, 3)


def test_no_sink_is_one_line_with_the_mend(tmp_path: Path) -> None:
    done = run(tmp_path, OTEL_MCP_AUDIT_SINKS="none")
    assert done.returncode == 2
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_journal_is_one_line_with_the_mend(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere")
    assert done.returncode == 2
    assert "--dir" in done.stderr
    assert len(done.stderr.splitlines()) == 1
