"""Settings that change under a running server: ``instrument(settings=...)`` called again with others."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from otel_mcp_audit import Auditor, Settings
from tests.integration import trail
from tests.integration.process import eventually, python
from tests.noted import Note
from tests.scenes.processes import environment
from tests.trail.begun import begin, changes

UNASKED: Final = ("initialize", "list")

HELD: Final = """
import anyio, json
from otel_mcp_audit import MCPAuditInstrumentor, Settings
instrumentor = MCPAuditInstrumentor()
instrumentor.instrument()
from tests.scenes import inprocess, kernel

server = kernel.Framework("held", log_level="CRITICAL")
entered, go_on = anyio.Event(), anyio.Event()

async def hold() -> str:
    entered.set()
    await go_on.wait()
    return "held"

async def echo() -> str:
    return "hello"

server.add_tool(hold)
server.add_tool(echo)

async def main():
    answers = []
    async with inprocess.connected(server, "legacy") as session, anyio.create_task_group() as calls:
        async def call(tool):
            answers.append((await session.call_tool(tool, {})).content[0].text)
        calls.start_soon(call, "hold")
        await entered.wait()
        instrumentor.instrument(settings=given)
        for _ in range(3):
            await call("echo")
        go_on.set()
    print(json.dumps(answers))

anyio.run(main)
"""


def by_reason(folder: Path) -> dict[str, list[tuple[str, str | None]]]:
    """Event type and tool of each record of the streams, by why they stopped; but what clients ask by themselves."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    for lines in trail.streams(folder).values():
        events = [line["event"] for line in lines]
        kept = [(event["event_type"], event["tool"]) for event in events if event["event_type"] not in UNASKED]
        found[events[-1]["trail"]["reason"]] = kept
    return found


def test_a_call_ends_in_the_stream_it_began_in_and_the_next_in_one_that_says_what_has_changed(
    tmp_path: Path, note: Note
) -> None:
    folder = tmp_path / "journal"
    given = f"given = Settings(dir={str(folder)!r}, sinks='none', email=True)\n"
    code = HELD.replace("instrumentor =", f"{given}instrumentor =", 1)
    ran = python(code, environment(folder))
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == ["hello"] * 3 + ["held"]
    assert by_reason(folder) == {
        "settings changed": [("audit_start", None), ("tool_call", "hold"), ("audit_stop", None)],
        "exit": [
            *(("audit_start", None), ("audit_config", None)),
            *[("tool_call", "echo")] * 3,
            ("audit_stop", None),
        ],
    }
    assert changes(folder) == [{"email": (None, "true")}]
    trail.assert_sound(folder)
    note("audit_config", "instrument(settings=...) again while a call is open", "what has changed, in a new stream")


def ended(folder: Path, streams: int) -> None:
    eventually(lambda: len(trail.events(trail.lines(folder), "audit_stop")) == streams, "the earlier stream is ended")


def test_the_same_settings_given_again_change_nothing(folder: Path) -> None:
    auditor = begin(folder)
    assert not auditor.reconfigure(Settings(dir=str(folder), sinks="none"))
    assert not auditor.reconfigure()
    auditor.close()
    assert len(trail.streams(folder)) == 1


def test_settings_before_the_first_call_are_simply_the_settings(folder: Path) -> None:
    auditor = Auditor(Settings(dir="/nowhere"))
    assert not auditor.reconfigure(Settings(dir=str(folder), sinks="none"))
    with auditor.call("t", {}):
        pass
    auditor.close()
    assert changes(folder) == []
    assert len(trail.streams(folder)) == 1


def test_a_change_of_the_folder_ends_the_trail_there_and_goes_on_in_the_other(folder: Path, note: Note) -> None:
    auditor = begin(folder / "a")
    auditor.reconfigure(Settings(dir=str(folder / "b"), sinks="none"))
    with auditor.call("t", {}):
        pass
    auditor.close()
    ended(folder / "a", 1)
    assert list(by_reason(folder / "a")) == ["settings changed"]
    assert [kind for kind, _ in by_reason(folder / "b")["closed"]] == ["audit_start", "tool_call", "audit_stop"]
    note("audit_stop", "another folder is given while running", "settings changed; the next call opens the other")


def test_what_was_switched_off_can_be_switched_on_and_off_again(folder: Path) -> None:
    auditor = Auditor(Settings(dir=str(folder), sinks="none", disabled=True))
    for disabled in (False, True):
        assert auditor.start() is None
        auditor.reconfigure(Settings(dir=str(folder), sinks="none"))
        with auditor.call(f"audited {disabled}", {}):
            pass
        auditor.reconfigure(Settings(dir=str(folder), sinks="none", disabled=True))
        with auditor.call("not audited", {}):
            pass
    ended(folder, 5)
    tools = {event["tool"] for event in trail.events(trail.lines(folder), "tool_call")}
    assert tools == {"audited False", "audited True"}
    assert [change["disabled"] for change in changes(folder)] == [("true", None), (None, "true")] * 2


def test_settings_no_trail_can_be_relied_on_with_are_refused_where_they_are_given(tmp_path: Path) -> None:
    code = HELD.replace("instrumentor =", "given = Settings(dir='/dev/null/x', on_failure='closed')\ninstrumentor =", 1)
    code = code.replace("instrumentor.instrument(settings=given)", "refused(given)").replace("range(3)", "range(0)")
    code = code.replace(
        "async def main():",
        "def refused(given):\n    try:\n        instrumentor.instrument(settings=given)\n"
        "    except Exception as error:\n        print(type(error).__name__, error)\n\nasync def main():",
    )
    ran = python(code, environment(tmp_path / "journal"), instrumented=False)
    assert ran.stdout.startswith("ConfigurationError OTEL_MCP_AUDIT_ON_FAILURE=closed"), ran.stderr
    assert "/dev/null/x" in ran.stdout
    assert by_reason(tmp_path / "journal")["settings changed"][1] == ("tool_call", "hold")


def test_a_fork_while_an_earlier_stream_still_has_a_call_leaves_both_to_the_parent(folder: Path) -> None:
    auditor = begin(folder)
    with auditor.call("held", {}):
        auditor.reconfigure(Settings(dir=str(folder), sinks="none", email=True))
        with auditor.call("next", {}):
            pass
        child: Any = os.fork()
        if child == 0:
            with auditor.call("child", {}):
                pass
            auditor.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    auditor.close()
    ended(folder, 3)
    tools = [event["tool"] for event in trail.events(trail.lines(folder), "tool_call")]
    assert sorted(tools) == ["child", "held", "next"]
    trail.assert_sound(folder)


def test_calls_of_many_threads_are_all_on_record_while_settings_change_under_them(folder: Path) -> None:
    auditor = begin(folder)

    def calls(thread: int) -> None:
        for number in range(50):
            with auditor.call(f"{thread}/{number}", {}):
                pass

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(calls, thread) for thread in range(4)]
        for number in range(10):
            auditor.reconfigure(Settings(dir=str(folder), sinks="none", user_claim=(str(number),)))
        for each in running:
            each.result()
    auditor.close()
    streams = len(trail.streams(folder))
    ended(folder, streams)
    tools = [event["tool"] for event in trail.events(trail.lines(folder), "tool_call")]
    assert sorted(tools) == sorted(f"{thread}/{number}" for thread in range(4) for number in range(50))
    trail.assert_sound(folder)
