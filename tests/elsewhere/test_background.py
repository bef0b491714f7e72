"""Threads, work that outlives its call, and servers that a tool starts: whose record says what."""

from pathlib import Path
from typing import Final

import pytest

from otel_mcp_audit.instrumentation.methods import CALL
from tests.elsewhere import linked
from tests.elsewhere.conftest import Mode
from tests.elsewhere.linked import Event
from tests.integration import trail
from tests.integration.process import Session, call, script_server
from tests.scenes.kernel import MODERN
from tests.scenes.processes import environment

SCRIPT = Path(__file__).with_name("background.py")

TOUCHED: Final[dict[str, tuple[list[str], str]]] = {
    "synchronous": (["sync:1"], "a plain function"),
    "threaded": (["thread:1"], "a thread that the framework lends"),
    "pooled": ([], "a thread pool of the application's own"),
    "leaves": (["leaves:1"], "a task and a thread that outlive their call"),
    "gathers": ([], "a call during which what was left behind ends"),
}
"""By tool, in the order of the calls: what its record names, and how the tool runs."""


class Played:
    """One session in which each tool was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with script_server(SCRIPT, environment(folder)) as server:
            session = Session(server)
            self.answers = {tool: str(session.wire.call(call(tool, tool)).answer) for tool in TOUCHED}
            self.answers["relay"] = str(session.wire.call(call("relay", "relay", text="hello")).answer)
            self.log, self.pid = session.log, server.pid
            server.leave()

    def of(self, tool: str) -> Event:
        """The one record of a tool's call."""
        (event,) = [event for event in linked.calls(self.folder) if event["tool"] == tool]
        return event


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Once for all the tests that look at it."""
    return Played(tmp_path_factory.mktemp("background"))


@pytest.mark.parametrize("tool", TOUCHED)
def test_what_a_tool_says_stands_in_the_record_of_the_call_that_it_says_it_in(
    played: Played, tool: str, mode: Mode
) -> None:
    resources, how = TOUCHED[tool]
    mode(f"background: {how}")
    event = played.of(tool)
    assert [resource["id"] for resource in event["resources"]] == resources
    assert linked.outcomes([event]) == ["success"]


def test_what_is_said_outside_any_call_is_counted(played: Played) -> None:
    assert "1 and 2" in played.answers["gathers"]  # in the pool; of the task and the thread that were left behind


def test_a_server_that_a_tool_starts_has_a_trail_of_its_own_and_so_has_its_client(played: Played, mode: Mode) -> None:
    mode("background: a server started by a tool, over stdio")
    assert "child says hello" in played.answers["relay"]
    asked, told = played.of("relay"), played.of("tell")
    assert (asked["server"]["name"], told["server"]["name"]) == ("background", "child")
    assert [resource["id"] for resource in told["resources"]] == ["child:1"]
    assert asked["resources"] == []
    assert told["request"]["transport"] == "stdio"
    assert len(trail.streams(played.folder)) == 2
    if MODERN:  # its client hands the trace on, in the request itself
        assert told["request"]["trace_id"] == asked["request"]["trace_id"]


def test_calls_made_are_records_kept_in_both_trails(played: Played) -> None:
    events = linked.calls(played.folder)
    asked = [made for made in played.log.made if made.method == CALL]
    assert len(events) == len(asked) + 1
    trail.assert_sound(played.folder)
