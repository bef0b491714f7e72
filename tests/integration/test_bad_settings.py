"""Wrong settings under the plain loader: the server answers, the log names each mend, the trail goes on and says so."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration import trail
from tests.integration.process import Session, python, scenes_server
from tests.scenes.log import ClientLog
from tests.scenes.processes import environment

SECRET: Final = "s3cr3t-of-the-database"

UNSUPPORTED: Final = {
    "OTEL_MCP_AUDIT_POLICY": "profile:soc2",
    "OTEL_MCP_AUDIT_CAPTURE": "everything",
    "OTEL_MCP_AUDIT_DURABILITY": "machine",
    "OTEL_MCP_AUDIT_KEY_FILE": "/nowhere/key",
    "OTEL_MCP_AUDIT_PERSONAL": "sealed",
}
WRONG: Final = {
    "OTEL_MCP_AUDIT_DISABLED": "1",
    "OTEL_MCP_AUDIT_EMAIL": "yes",
    "OTEL_MCP_AUDIT_ON_FAILURE": "close",
    "OTEL_MCP_AUDIT_MAX_BYTES": "1GiB",
    "OTEL_MCP_AUDIT_USER_CLAIM": ",",
    "OTEL_MCP_AUDIT_TENANT": "acme",
    "OTEL_MCP_AUDIT_IDENTITY": "module.function",
    "OTEL_MCP_AUDIT_TRUSTED_PROXIES": "10.0.0.0/33",
    "OTEL_MCP_AUDIT_REFUSALS": "sixty a minute",
}
MENDS: Final = {
    "OTEL_MCP_AUDIT_DISABLED": "true or false",
    "OTEL_MCP_AUDIT_EMAIL": "true or false",
    "OTEL_MCP_AUDIT_MAX_BYTES": "whole number of bytes",
    "OTEL_MCP_AUDIT_USER_CLAIM": "separated by commas",
    "OTEL_MCP_AUDIT_TENANT": "OTEL_MCP_AUDIT_TENANT_CLAIM",
    "OTEL_MCP_AUDIT_IDENTITY": "write module:function",
    "OTEL_MCP_AUDIT_TRUSTED_PROXIES": "write it like 10.0.0.0/8",
    "OTEL_MCP_AUDIT_REFUSALS": "such as 60/60s",
    "OTEL_MCP_AUDIT_CAPTURE": "write metadata",
    "OTEL_MCP_AUDIT_DURABILITY": "write process or power",
    "OTEL_MCP_AUDIT_ON_FAILURE": "write open or closed",
}


@dataclass
class Ran:
    """A server with wrong settings that was called once."""

    log: ClientLog
    stderr: str
    folder: Path

    @property
    def problems(self) -> list[str]:
        """What the stream's first line says of them."""
        (start,) = trail.events(trail.lines(self.folder), "audit_start")
        return start["trail"].get("problems", [])


def run(folder: Path, changes: Mapping[str, str], where: Path | None = None) -> Ran:
    """Start the server with these settings, make the harmless call, close stdin.

    Args:
        folder: what ``OTEL_MCP_AUDIT_DIR`` says.
        changes: settings.
        where: where the journal is expected; else there.
    """
    # The low-level server leaves logging as it is: our lines are whole.
    with scenes_server(environment(folder, **changes), style="lowlevel") as server:
        session = Session(server)
        session.echo()
        assert server.leave() == 0
        assert "Traceback" not in server.stderr.text
        return Ran(session.log, server.stderr.text, where or folder)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Everything wrong at once."""
    return run(tmp_path_factory.mktemp("many") / "journal", {**UNSUPPORTED, **WRONG})


@pytest.mark.parametrize("variable", [*UNSUPPORTED, *WRONG])
def test_each_wrong_variable_is_named_with_its_value_and_its_mend(variable: str, many: Ran) -> None:
    value = {**UNSUPPORTED, **WRONG}[variable]
    said = re.search(rf"{variable}=(.*?)(?=; OTEL_MCP_AUDIT_\w+=|$)", many.stderr, re.MULTILINE)
    assert said, many.stderr
    assert said[1].startswith(repr(value))
    assert MENDS.get(variable, "leave it unset") in said[1]


def test_with_every_setting_wrong_the_call_is_on_record_and_the_first_line_lists_the_problems(many: Ran) -> None:
    trail.assert_kept(many.log, many.folder)
    trail.assert_sound(many.folder)
    *listed, more = many.problems
    assert all(problem.startswith("OTEL_MCP_AUDIT_") for problem in listed)
    assert more == f"and {len(UNSUPPORTED) + len(WRONG) - len(listed)} more: see the log"


def test_a_record_of_a_wrongly_set_trail_is_cut_by_the_default_policy(many: Ran) -> None:
    (event,) = trail.events(trail.lines(many.folder), "tool_call")
    assert event["policy"] == {"level": "metadata", "rule": "default"}


SINKS: Final[Mapping[str, dict[str, str]]] = {
    "an unsupported scheme": {"OTEL_MCP_AUDIT_SINKS": f"postgresql://audit:{SECRET}@db/trail"},
    "an address without a host": {"OTEL_MCP_AUDIT_SINKS": f"otlp+http://user:{SECRET}@:4318"},
    "none beside another": {"OTEL_MCP_AUDIT_SINKS": "none,otlp"},
    "an unknown protocol": {"OTEL_MCP_AUDIT_SINKS": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
    "a timeout with a unit": {"OTEL_MCP_AUDIT_SINKS": "otlp", "OTEL_EXPORTER_OTLP_TIMEOUT": "10s"},
    "a password in a reserved setting": {"OTEL_MCP_AUDIT_KEY_RING": f"postgresql://audit:{SECRET}@db/keys"},
}


@pytest.mark.parametrize("case", SINKS)
def test_a_sink_that_cannot_be_read_leaves_the_journal_and_shows_no_password(case: str, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    ran = run(folder, SINKS[case])
    variable = list(SINKS[case])[-1]
    assert variable in ran.stderr
    assert variable in ran.problems[0]
    trail.assert_kept(ran.log, folder)
    assert SECRET not in ran.stderr
    assert SECRET not in "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("obstacle", ["a file stands there", "a link stands there", "others may write"])
def test_a_folder_that_cannot_be_used_is_replaced_by_the_next_of_the_ladder(obstacle: str, tmp_path: Path) -> None:
    folder, state = tmp_path / "journal", tmp_path / "state"
    state.mkdir()
    if obstacle == "a file stands there":
        folder.write_text("not a folder", encoding="utf-8")
    elif obstacle == "a link stands there":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.mkdir()
        folder.chmod(0o777)
    ran = run(folder, {"STATE_DIRECTORY": str(state)}, state / "otel-mcp-audit")
    assert re.search(f"OTEL_MCP_AUDIT_DIR={re.escape(str(folder))}: ", ran.stderr)
    assert "OTEL_MCP_AUDIT_DIR" in ran.problems[0]
    trail.assert_kept(ran.log, ran.folder)
    assert not list((tmp_path / "elsewhere").glob("*"))


def test_a_folder_and_a_setting_that_are_both_wrong_are_both_said(tmp_path: Path) -> None:
    folder, state = tmp_path / "journal", tmp_path / "state"
    folder.write_text("not a folder", encoding="utf-8")
    state.mkdir()
    ran = run(
        folder,
        {"STATE_DIRECTORY": str(state), "OTEL_MCP_AUDIT_SINKS": "kafka://broker"},
        state / "otel-mcp-audit",
    )
    for variable in ("OTEL_MCP_AUDIT_DIR", "OTEL_MCP_AUDIT_SINKS"):
        assert variable in ran.stderr
        assert any(variable in problem for problem in ran.problems)


@pytest.mark.parametrize("value", ["true", "TRUE"])
def test_switched_off_a_stream_of_two_lines_says_so_and_nothing_is_recorded(value: str, tmp_path: Path) -> None:
    ran = run(tmp_path / "journal", {"OTEL_MCP_AUDIT_DISABLED": value})
    lines: list[Any] = trail.lines(ran.folder)
    assert [line["event"]["event_type"] for line in lines] == ["audit_start", "audit_stop"]
    assert lines[-1]["event"]["trail"]["reason"] == "disabled"
    trail.assert_sound(ran.folder, records=2)


def test_a_sink_of_the_applications_own_that_cannot_be_made_costs_no_record(tmp_path: Path) -> None:
    code = f"""
from otel_mcp_audit import MCPAuditInstrumentor, Settings
class Broken:
    def __init__(self): raise RuntimeError({SECRET!r})
    def write(self, records): pass
    def close(self): pass
MCPAuditInstrumentor().instrument(settings=Settings(dir={str(tmp_path / "journal")!r}, sinks=[Broken]))
from tests.integration import seamstress
seamstress.play()
"""
    ran = python(code, environment(tmp_path), instrumented=False)
    assert ran.returncode == 0, ran.stderr
    lines = trail.lines(tmp_path / "journal")
    assert "RuntimeError" in lines[0]["event"]["trail"]["problems"][0]
    assert SECRET not in ran.stderr + str(lines)
    assert len(trail.events(lines, "tool_call")) == 1
