"""A resolver that is not there: known only when the server starts, and then a wrong setting like any other."""

import os
from pathlib import Path
from typing import Final

from tests.integration import trail
from tests.loader import programs
from tests.scenes.processes import environment

NOWHERE: Final = "no_such_module:who"
SAID: Final = (
    f"OTEL_MCP_AUDIT_IDENTITY='{NOWHERE}': ModuleNotFoundError: No module named 'no_such_module'; "
    "write module:function of a module that this server can import"
)


def environ(folder: Path, **changes: str) -> dict[str, str]:
    return environment(folder, OTEL_MCP_AUDIT_IDENTITY=NOWHERE, **changes)


def test_a_server_goes_on_with_the_default_identity_and_its_stream_says_so(tmp_path: Path) -> None:
    done = programs.stock(environ(tmp_path))
    assert (done.returncode, done.stdout) == (0, "served\n"), done.stderr
    assert "Traceback" not in done.stderr
    (start,) = trail.events(trail.lines(tmp_path), "audit_start")
    assert start["trail"]["problems"] == [SAID]
    assert programs.calls(tmp_path) == 1


def test_with_closed_it_does_not_start(tmp_path: Path) -> None:
    done = programs.stock(environ(tmp_path, OTEL_MCP_AUDIT_ON_FAILURE="closed"))
    assert (done.returncode, done.stdout) == (os.EX_CONFIG, "")
    assert SAID in done.stderr
    assert programs.calls(tmp_path) == 0


def test_under_run_it_does_not_start(tmp_path: Path) -> None:
    done = programs.run(environ(tmp_path))
    assert (done.returncode, done.stdout) == (os.EX_CONFIG, "")
    assert f"otel-mcp-audit run: this server is not started: {SAID}" in done.stderr
    (stop,) = trail.events(trail.lines(tmp_path), "audit_stop")
    assert stop["trail"]["reason"] == "refused: configuration"
