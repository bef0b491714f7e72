"""``audit_start`` begins every stream and ``audit_stop`` says why it ended, each reason in a process that ends so."""

import json
import os
import sys
from pathlib import Path
from typing import Final

import pytest

from otel_mcp_audit import AuditRecord
from otel_mcp_audit.operation import Operation
from otel_mcp_audit.settings import Settings
from tests.integration import trail
from tests.integration.process import python
from tests.noted import Note
from tests.scenes.processes import environment
from tests.trail.begun import begin

SERVE: Final = "import os, signal, sys, time\nfrom otel_mcp_audit.runtime import RUNTIME\n"

HTTP: Final = """
import anyio
from otel_mcp_audit import MCPAuditInstrumentor
MCPAuditInstrumentor().instrument()
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
async def main():
    async with StreamableHTTPSessionManager(Server("http")).run():
        pass
anyio.run(main)
"""

ENDS: Final = {
    "exit": ("the process ends", SERVE + "RUNTIME.serve()"),
    "signal": ("SIGTERM", SERVE + "RUNTIME.serve()\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(60)"),
    "server stopped": ("the last HTTP server ends", HTTP),
    "closed": (
        "an Auditor is closed",
        "from otel_mcp_audit import Auditor\nauditor = Auditor()\nauditor.start()\nauditor.close()",
    ),
    "settings changed": (
        "others are given",
        SERVE + "RUNTIME.serve()\nfrom otel_mcp_audit import Settings\n"
        "RUNTIME.configure(Settings(dir='/dev/null/x', sinks='none'))\n"
        "import threading\n[each.join() for each in threading.enumerate() if each.name == 'otel-mcp-audit-end']",
    ),
    "disabled": (
        "a server starts that is told not to audit",
        SERVE + "os.environ['OTEL_MCP_AUDIT_DISABLED'] = 'true'\nRUNTIME.serve()",
    ),
    "refused: configuration": (
        "with closed, a setting that cannot be used",
        SERVE
        + "os.environ.update(OTEL_MCP_AUDIT_ON_FAILURE='closed', OTEL_MCP_AUDIT_MAX_BYTES='much')\nRUNTIME.serve()",
    ),
}


@pytest.mark.parametrize("reason", ENDS)
def test_a_stream_says_why_it_was_closed(reason: str, tmp_path: Path, note: Note) -> None:
    cause, code = ENDS[reason]
    folder = tmp_path / "journal"
    # A default folder would be somebody's: the changed settings' second rung is in here too.
    python(code, environment(folder, XDG_STATE_HOME=str(tmp_path), HOME=str(tmp_path)), instrumented=False)
    (lines,) = trail.streams(folder).values()
    first, *_, last = (line["event"] for line in lines)
    assert (first["event_type"], last["event_type"]) == ("audit_start", "audit_stop")
    assert last["trail"] == {"reason": reason}
    trail.assert_sound(folder)
    note("audit_stop", cause, reason)


def test_a_stream_whose_owner_was_killed_is_closed_by_the_next(folder: Path, note: Note) -> None:
    child = os.fork()
    if child == 0:
        begin(folder)
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    (left,) = trail.streams(folder)
    begin(folder).close()
    shipped = python(SHIP, environment(folder), instrumented=False)
    assert shipped.returncode == 0, shipped.stderr
    assert [line["event"]["trail"].get("reason") for line in trail.streams(folder)[left]] == [None, "the owner is gone"]
    note("audit_stop", "the process was killed; by the next start, or ship", "the owner is gone")


SHIP: Final = """
import os
from pathlib import Path
from otel_mcp_audit import shipping
shipping.ship(Path(os.environ["OTEL_MCP_AUDIT_DIR"]), [], 0.0)
"""


def test_the_first_line_says_what_belongs_to_all_of_the_stream(folder: Path, note: Note) -> None:
    before = begin(folder)
    before.close()
    (ended,) = (lines[-1] for lines in trail.streams(folder).values())
    begin(folder, sinks="console", email=True).close()
    *_, start = sorted(trail.events(trail.lines(folder), "audit_start"), key=lambda event: event["timestamp"])
    said = start["trail"]
    assert (said["pid"], said["durability"], said["sinks"]) == (os.getpid(), "process", ["console"])
    assert {"name": "service.name", "value": "records"} in said["resource"]
    assert {"name": "python", "value": sys.version.split()[0]} in said["versions"]
    assert {item["name"]: item["value"] for item in said["configuration"]}.items() >= {
        ("email", "true"), ("sinks", "console"),
    }  # fmt: skip
    (head,) = said["heads"]
    assert head == {"hash": ended["seal"]["hash"], "seq": ended["chain"]["seq"], "stream": ended["chain"]["stream"]}
    assert start["user"]["type"] == "system"
    note("audit_start", "a trail begins", ", ".join(sorted(said)))


def test_settings_that_cannot_be_used_are_named_in_the_first_line(tmp_path: Path, note: Note) -> None:
    folder = tmp_path / "journal"
    wrong = environment(folder, OTEL_MCP_AUDIT_DURABILITY="forever", OTEL_MCP_AUDIT_SINK="x")
    assert python(f"{SERVE}RUNTIME.serve()", wrong, instrumented=False).returncode == 0
    (start,) = trail.events(trail.lines(folder), "audit_start")
    assert [problem.partition("=")[0] for problem in sorted(start["trail"]["problems"])] == [
        "OTEL_MCP_AUDIT_DURABILITY",
        "OTEL_MCP_AUDIT_SINK",
    ]
    note("audit_start", "variables that cannot be used", "problems names each")


def test_where_no_folder_can_be_written_the_first_line_says_memory(folder: Path, note: Note) -> None:
    taken: list[AuditRecord] = []
    blocked = folder.parent / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("HOME", "XDG_STATE_HOME", "STATE_DIRECTORY", "TMPDIR"):
            patch.setenv(variable, str(blocked))
        patch.setattr("tempfile.tempdir", str(blocked))
        operation = Operation.begin(Settings(dir=str(blocked), sinks=[taken.extend]))
    assert operation.end(10.0, "closed")
    assert [json.loads(record.line)["event"]["trail"].get("durability") for record in taken] == ["memory", None]
    assert {record.event.durability for record in taken} == {"memory"}
    note("audit_start", "no folder can be written", "durability: memory")
