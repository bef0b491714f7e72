"""``ON_FAILURE=closed`` and ``DURABILITY=power`` on a real server: what is run, what is answered, what is on record."""

import json
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration import strict, trail
from tests.integration.process import Process, Session, call, echo, python, script_server
from tests.noted import STRICT, Note, noting
from tests.require import witness
from tests.scenes.log import Expected, Made
from tests.scenes.messages import initialize
from tests.scenes.processes import command, environment
from tests.scenes.scenes import HANDSHAKE, Scene

SCRIPT: Final = Path(strict.__file__)
CLOSED: Final = {"OTEL_MCP_AUDIT_ON_FAILURE": "closed"}
POWER: Final = {"OTEL_MCP_AUDIT_DURABILITY": "power"}
MODES: Final = {"closed": CLOSED, "closed+power": {**CLOSED, **POWER}}

ANSWERED: Final = re.compile(r'write\(\d+, "\{\\"jsonrpc\\"')

NOT_RUN: Final = "audit: this call was not run, since it could not be put on record"
WITHHELD: Final = "audit: this call was run, and its answer is withheld, since its record could not be kept"


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Notes a row of the fault table."""
    return noting(STRICT, request)


def server(folder: Path, settings: Mapping[str, str]) -> Process:
    return script_server(SCRIPT, environment(folder, **settings))


def error_of(made: Made) -> Mapping[str, Any]:
    """The JSON-RPC error that a call was answered with."""
    assert made.answer is not None
    assert "CANARY" not in made.answer
    found = json.loads(made.answer).get("error")
    assert found, made.answer
    return found


def assert_not_run(made: Made) -> None:
    found = error_of(made)
    assert found["code"] == -32603
    assert found["message"].startswith(NOT_RUN)


def assert_withheld(made: Made) -> None:
    found = error_of(made)
    assert found["code"] == -32603
    assert found["message"].startswith(WITHHELD)


def outcomes(folder: Path, tool: str) -> list[str]:
    return [
        event["response"]["outcome"]
        for event in trail.events(trail.lines(folder), "tool_call")
        if event["tool"] == tool
    ]


@pytest.mark.parametrize("settings", [POWER, CLOSED, {**CLOSED, **POWER}], ids=["power", "closed", "closed+power"])
def test_where_nothing_fails_a_strict_server_answers_as_ever_with_a_record_for_every_call(
    tmp_path: Path, settings: Mapping[str, str]
):
    with server(tmp_path / "journal", settings) as process:
        session = Session(process)
        for n in range(10):
            session.echo(f"text {n}")
        session.wire.call(call("crash", "boom", "exception"))
        session.wire.call(call("unknown", "nope", "unknown_tool"))
        slow = session.wire.begin(call("slow", "slow", "cancelled", seconds=30, tag="cut"))
        process.stderr.await_line(lambda line: b"cut has started" in line)
        session.wire.cancel(slow)
        session.echo("after")
        process.ended()
    trail.assert_kept(session.log, tmp_path / "journal")
    trail.assert_sound(tmp_path / "journal")


EVERYTHING_ELSE = (
    replace(HANDSHAKE, params=initialize("")["params"]),
    Scene("list", {}, Expected(outcome="protocol_error"), "tools/list"),
    Scene("read", {"uri": "scenes://text"}, Expected(outcome="protocol_error"), "resources/read"),
    Scene("get", {"name": "greet"}, Expected(outcome="protocol_error"), "prompts/get"),
)
"""A request of any kind is run only if its start is on record; what the server has not got is not even looked for."""


def budget_full(folder: Path) -> dict[str, str]:
    """Nothing takes the records, and there is room for a few dozen."""
    del folder
    return {"OTEL_MCP_AUDIT_MAX_BYTES": "65536", "OTEL_MCP_AUDIT_SINKS": "otlp+http://127.0.0.1:9"}


@pytest.mark.parametrize("mode", MODES)
def test_a_journal_that_is_full_of_undelivered_records_refuses_the_call(tmp_path: Path, note: Note, mode: str):
    with server(tmp_path / "journal", {**MODES[mode], **budget_full(tmp_path)}) as process:
        session = Session(process)
        answers = [session.wire.call(echo(f"text {n}")) for n in range(60)]
        refused = [made for made in answers if '"error"' in (made.answer or "")]
        assert 5 < len(refused) < 60
        for made in refused:
            assert_not_run(made)
        process.kill()
    assert outcomes(tmp_path / "journal", "echo").count("success") == 60 - len(refused)
    note("the journal is full of undelivered records", mode, "not run", "-32603, not run", "-")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tool", ["writes_fail", "crash"])
def test_an_answer_whose_record_cannot_be_kept_is_withheld_and_later_calls_are_not_run(
    tmp_path: Path, note: Note, mode: str, tool: str
):
    with server(tmp_path / "journal", MODES[mode]) as process:
        session = Session(process)
        session.echo("before")
        assert_withheld(session.wire.call(call("x", tool)))
        process.stderr.await_line(lambda line: strict.DONE.encode() in line)
        assert_not_run(session.wire.call(echo("after")))
        for scene in EVERYTHING_ELSE:
            assert_not_run(session.wire.call(scene))
        process.kill()
    assert outcomes(tmp_path / "journal", "echo") == ["success"]
    assert outcomes(tmp_path / "journal", tool) == []
    adopt(tmp_path / "journal")
    assert outcomes(tmp_path / "journal", tool) == ["unknown"]
    assert outcomes(tmp_path / "journal", "echo") == ["success"]
    trail.assert_sound(tmp_path / "journal")
    note(f"EIO on every write, in the call ({tool})", mode, "ran", "-32603, withheld", "unknown, by the next start")


def adopt(folder: Path) -> None:
    """Let the next process put on record what the last one could not."""
    code = "from otel_mcp_audit import adoption\nfrom pathlib import Path\n"
    code += "from otel_mcp_audit.journal import Origin, Orphan\n"
    code += f"for path in Path({str(folder)!r}).iterdir():\n"
    code += "    stream = Orphan(path, Origin('', '', '', [])).adopt()\n    adoption.settle(stream)\n    stream.close()"
    done = python(code, environment(folder), instrumented=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("tool", ["syncs_fail", "syncs_hang"])
def test_with_power_an_answer_is_withheld_while_its_record_is_not_on_the_disk(tmp_path: Path, note: Note, tool: str):
    with server(tmp_path / "journal", MODES["closed+power"]) as process:
        session = Session(process)
        session.echo("before")
        assert_withheld(session.wire.call(call("x", tool)))
        process.stderr.await_line(lambda line: strict.DONE.encode() in line)
        assert_not_run(session.wire.call(echo("after")))
        process.kill()
    # The start of what was not run is written, and so is that it was not.
    assert outcomes(tmp_path / "journal", "echo") == ["success", "protocol_error"]
    note(
        f"every sync: {tool}", "closed+power", "ran; the next call's not", "-32603, withheld; not run", "protocol_error"
    )


@pytest.mark.parametrize("tool", ["syncs_fail", "syncs_hang", "writes_fail"])
def test_open_goes_on_whatever_the_disk_does(tmp_path: Path, note: Note, tool: str):
    with server(tmp_path / "journal", POWER) as process:
        session = Session(process)
        assert "CANARY-answer" in (session.wire.call(call("x", tool)).answer or "")
        session.echo("after")
        process.kill()
    reasons = [gap["reason"].partition(" ")[0] for gap in trail.gaps(tmp_path / "journal")]
    if tool != "writes_fail":
        assert reasons
    note(
        f"in the call: {tool}", "open+power", "ran", "its answer", "audit_gap" if reasons else "nothing can be written"
    )


def test_a_sync_that_failed_once_costs_no_call_and_is_on_record(tmp_path: Path, note: Note):
    with server(tmp_path / "journal", MODES["closed+power"]) as process:
        session = Session(process)
        session.wire.call(call("x", "one_sync_fails"))
        session.echo("after")
        session.echo("and after")
        process.ended()
    trail.assert_kept(session.log, tmp_path / "journal")
    assert [gap["reason"] for gap in trail.gaps(tmp_path / "journal")] == ["sync_failed"]
    trail.assert_sound(tmp_path / "journal")
    note("one sync fails", "closed+power", "ran", "its answer", "success; audit_gap sync_failed, nothing missing")


def stream_of(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def remove_segment(folder: Path) -> None:
    next(stream_of(folder).glob("*.jsonl")).unlink()


def remove_stream(folder: Path) -> None:
    shutil.rmtree(stream_of(folder))


def remove_journal(folder: Path) -> None:
    shutil.rmtree(folder)


def move_stream(folder: Path) -> None:
    stream_of(folder).rename(folder.parent / "elsewhere")


def empty_in_its_place(folder: Path) -> None:
    segment = next(stream_of(folder).glob("*.jsonl"))
    segment.unlink()
    segment.touch()


def remove_starts(folder: Path) -> None:
    next(stream_of(folder).glob("*.starts")).unlink()


def remove_lock(folder: Path) -> None:
    (stream_of(folder) / "lock").unlink()


REMOVALS: Final[tuple[Callable[[Path], None], ...]] = (
    remove_segment,
    remove_stream,
    remove_journal,
    move_stream,
    empty_in_its_place,
    remove_starts,
    remove_lock,
)


@pytest.mark.parametrize(
    ("removal", "mode"),
    [*((removal, "closed") for removal in REMOVALS), (remove_segment, "closed+power"), (remove_starts, "closed+power")],
)
def test_case_017_closed_refuses_the_call_after_somebody_has_changed_the_journal(
    tmp_path: Path, note: Note, removal: Callable[[Path], None], mode: str
):
    """Noticed within a second; what the open files still had is saved, and the next call finds a sound journal."""
    folder = tmp_path / "journal"
    with server(folder, MODES[mode]) as process:
        session = Session(process)
        for n in range(5):
            session.echo(f"before {n}")
        removal(folder)
        time.sleep(1.1)  # names are looked up once a second: that is what is promised
        assert_not_run(session.wire.call(echo("refused")))
        for n in range(5):
            session.echo(f"after {n}")
        process.ended()
    assert outcomes(folder, "echo") == ["success"] * 5 + ["protocol_error"] + ["success"] * 5
    assert trail.gaps(folder)
    trail.assert_sound(folder)
    reasons = ", ".join(gap["reason"] for gap in trail.gaps(folder))
    note(removal.__name__, mode, "not run; the next one is", "-32603, not run", f"protocol_error; audit_gap {reasons}")


BROKEN: Final[Mapping[str, tuple[Mapping[str, str], str]]] = {
    "a folder that cannot be made": (
        {"OTEL_MCP_AUDIT_DIR": "/dev/null/journal"},
        "OTEL_MCP_AUDIT_DIR=/dev/null/journal",
    ),
    "a sink that is not known": ({"OTEL_MCP_AUDIT_SINKS": "nowhere"}, "OTEL_MCP_AUDIT_SINKS='nowhere'"),
    "a setting that is not known": ({"OTEL_MCP_AUDIT_TENANT": "x"}, "OTEL_MCP_AUDIT_TENANT_CLAIM"),
    "a value that cannot be read": ({"OTEL_MCP_AUDIT_MAX_BYTES": "much"}, "OTEL_MCP_AUDIT_MAX_BYTES='much'"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_closed_server_that_no_trail_can_be_relied_on_does_not_start(tmp_path: Path, note: Note, broken: str):
    settings, named = BROKEN[broken]
    environ = environment(tmp_path / "journal", **CLOSED) | settings
    with script_server(SCRIPT, environ) as process:
        assert process.ended() == 78
    assert "OTEL_MCP_AUDIT_ON_FAILURE=closed: this server is not started" in process.stderr.text
    assert named in process.stderr.text
    assert "Traceback" not in process.stderr.text
    assert process.stdout.text == ""
    note(broken, "closed", "-", "exit status 78 before anything is served", "-")


def test_with_no_folder_at_all_closed_does_not_start(tmp_path: Path):
    """No home and no temporary folder in which anything can be made, not even by root."""
    code = "import tempfile\nfrom otel_mcp_audit.runtime import RUNTIME\n"
    code += "tempfile.tempdir = '/proc'\nRUNTIME.serve()\nprint('SERVED')"
    environ = {**environment(tmp_path, **CLOSED), "HOME": "/proc", "XDG_STATE_HOME": "/proc"}
    del environ["OTEL_MCP_AUDIT_DIR"]
    done = python(code, environ, instrumented=False)
    assert (done.returncode, done.stdout) == (78, ""), done.stderr
    assert "set OTEL_MCP_AUDIT_DIR" in done.stderr


def test_settings_given_in_code_raise_instead_of_ending_the_process(tmp_path: Path):
    code = (
        "from otel_mcp_audit import MCPAuditInstrumentor, Settings, AuditError\n"
        "MCPAuditInstrumentor().instrument(settings=Settings(dir='/dev/null/x', on_failure='closed'))\n"
        "from tests.integration import seamstress\n"
        "try:\n    seamstress.play()\n"
        "except BaseException as error:\n"
        "    while isinstance(error, BaseExceptionGroup): error = error.exceptions[0]\n"
        "    assert isinstance(error, AuditError), repr(error)\n    print('REFUSED', error)"
    )
    done = python(code, environment(tmp_path), instrumented=False)
    assert done.stdout.startswith("REFUSED OTEL_MCP_AUDIT_ON_FAILURE=closed: this server is not started"), done.stderr


def test_an_in_process_call_that_cannot_be_put_on_record_is_not_run(tmp_path: Path):
    code = (
        "from otel_mcp_audit import audited, MCPAuditInstrumentor, Settings, Auditor\n"
        "from otel_mcp_audit.errors import NotRecorded\n"
        "from otel_mcp_audit.journal import disk\nimport errno\n"
        f"settings = Settings(dir={str(tmp_path / 'j')!r}, sinks='none', on_failure='closed', durability='power')\n"
        "MCPAuditInstrumentor().instrument(settings=settings)\n"
        "ran = []\n"
        "@audited\ndef job(n): ran.append(n)\n"
        "job(1)\nauditor = Auditor(settings)\n"
        "with auditor.call('block', {}): ran.append(2)\n"
        "def fail(*_): raise OSError(errno.EIO, 'EIO')\n"
        "disk.calls.write = fail\n"
        "for step in (lambda: job(3), lambda: auditor.call('block', {}).__enter__()):\n"
        "    try:\n        step()\n    except NotRecorded as error:\n        print(error)\n"
        "print(ran)"
    )
    done = python(code, environment(tmp_path / "unused"), instrumented=False)
    assert done.returncode == 0, done.stderr
    *refused, ran = done.stdout.splitlines()
    assert [line.startswith(NOT_RUN) for line in refused] == [True, True]
    assert ran == "[1, 2]"


def test_a_release_that_is_not_supported_is_not_imported_where_closed(tmp_path: Path):
    code = (
        "import importlib.metadata as m\nreal = m.version\n"
        "m.version = lambda name: '3.0.0' if name == 'mcp' else real(name)\n"
        "from otel_mcp_audit.instrumentation import MCPAuditInstrumentor; MCPAuditInstrumentor().instrument()\n"
        "import mcp.server.lowlevel.server\nprint('SERVED')"
    )
    done = python(code, environment(tmp_path, **CLOSED), instrumented=False)
    assert (done.returncode, done.stdout) == (78, ""), done.stderr
    assert "this server is not started: mcp 3.0.0 is not supported" in done.stderr


def test_power_syncs_before_the_answer_leaves_as_the_operating_system_sees_it(tmp_path: Path):
    """strace is the witness: between a record's write and its answer's there is a sync of that file."""
    witness("strace", shutil.which("strace"), "install the package strace")
    log = tmp_path / "strace"
    environ = environment(tmp_path / "journal", **POWER)
    line = ["strace", "-f", "-e", "trace=write,fdatasync", "-s", "4000", "-o", str(log)]
    with Process([*line, *command(SCRIPT)], environ) as process:
        session = Session(process)
        for n in range(5):
            session.echo(f"witness-{n}")
        process.ended()
    calls = log.read_text(encoding="utf-8", errors="replace").splitlines()
    for n in range(5):
        answered = next(at for at, text in enumerate(calls) if f"witness-{n}" in text and ANSWERED.search(text))
        kept = max(at for at, text in enumerate(calls[:answered]) if '\\"chain\\"' in text)
        assert any("fdatasync" in text and "= 0" in text for text in calls[kept:answered]), calls[kept : answered + 1]
