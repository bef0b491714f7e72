"""Where no MCP server runs there is nothing of ours: no folder, no thread, no signal handler."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration import trail
from tests.integration.process import Session, call, command_line, python, script_server
from tests.scenes.processes import environment

WORKSHOP: Final = Path(__file__).with_name("workshop.py")

LOOK: Final = """
import json, os, signal, sys, threading
from pathlib import Path
def look(folder):
    return {
        "folder": Path(folder).exists(),
        "threads": [thread.name for thread in threading.enumerate() if thread.name.startswith("otel-mcp-audit")],
        "handled": signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL,
        "exporters": sorted(name for name in sys.modules if name.startswith(("opentelemetry.exporter", "grpc"))),
    }
"""
NOTHING: Final[dict[str, Any]] = {"folder": False, "threads": [], "handled": False, "exporters": []}

PROGRAMS: Final = {
    "no kernel": "",
    "the kernel imported": "import mcp.server.lowlevel, mcp.server.stdio, mcp.client.stdio",
    "a server built and not run": "from tests.scenes import servers; servers.build('framework')",
    "our own names imported": "import otel_mcp_audit; from otel_mcp_audit import *",
    "a function decorated and not called": "import otel_mcp_audit; otel_mcp_audit.audited(lambda: None)",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_process_without_a_running_server_is_left_alone(program: str, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    ran = python(f"{LOOK}\n{PROGRAMS[program]}\nprint(json.dumps(look({str(folder)!r})))", environment(folder))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == NOTHING


def test_a_process_that_imports_neither_kernel_nor_us_has_neither_afterwards(tmp_path: Path) -> None:
    code = "print([name for name in sys.modules if name.partition('.')[0] in {'mcp', 'msgspec', 'filelock'}])"
    ran = python(code, environment(tmp_path / "journal"))
    assert ran.stdout.strip() == "[]"


def test_a_child_python_of_a_tool_leaves_nothing_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with script_server(WORKSHOP, environment(folder)) as server:
        session = Session(server)
        answer = session.wire.call(call("child", "child_python")).answer
        assert answer is not None
        assert "child ran" in answer
        assert server.leave() == 0
    trail.assert_kept(session.log, folder)
    assert len(trail.streams(folder)) == 1


def test_the_command_line_makes_no_folder_where_there_is_no_journal(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    assert command_line("tail", environ=environment(folder)).returncode != 0
    assert not folder.exists()
