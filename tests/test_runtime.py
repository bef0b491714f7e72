"""What belongs to the whole process: its exit, its signals, its children."""

import os
import signal
import subprocess
import sys
from pathlib import Path

SERVING = """
import os, signal, sys
from otel_mcp_audit.runtime import RUNTIME
RUNTIME.serve()
"""


def run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environ |= {"OTEL_MCP_AUDIT_DIR": str(folder), "OTEL_MCP_AUDIT_SINKS": "none"}
    command = [sys.executable, "-c", SERVING + script]
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, encoding="utf-8", timeout=50, check=False
    )


def lines(folder: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in folder.glob("*/*.jsonl"))


def test_an_ordinary_exit_closes_the_stream(tmp_path: Path) -> None:
    assert run(tmp_path, "").returncode == 0
    assert '"reason":"exit"' in lines(tmp_path)


def test_a_terminated_process_closes_the_stream_and_dies_of_the_signal(tmp_path: Path) -> None:
    assert run(tmp_path, "os.kill(os.getpid(), signal.SIGTERM)").returncode == -signal.SIGTERM
    assert '"reason":"signal"' in lines(tmp_path)


def test_a_handler_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    done = run(tmp_path, "")
    assert done.returncode == 0
    script = """
print(signal.getsignal(signal.SIGTERM) is theirs)
"""
    theirs = "import signal\ndef theirs(number, frame): ...\nsignal.signal(signal.SIGTERM, theirs)\n"
    environ = os.environ | {"OTEL_MCP_AUDIT_DIR": str(tmp_path), "OTEL_MCP_AUDIT_SINKS": "none"}
    command = [sys.executable, "-c", theirs + SERVING + script]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout == "True\n"


def test_a_forked_child_can_be_ended_by_a_signal_whatever_it_is_doing(tmp_path: Path) -> None:
    script = """
child = os.fork()
if child == 0:
    print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
"""
    assert run(tmp_path, script).stdout == "True\nFalse\n"
