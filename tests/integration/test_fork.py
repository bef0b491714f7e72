"""A fork: parent and child keep their own streams, and nothing is lost, doubled or blocked."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.integration import trail
from tests.integration.process import Session, call, exporting, script_server
from tests.receivers import HttpReceiver
from tests.scenes.log import ClientLog

WORKSHOP: Final = Path(__file__).with_name("workshop.py")
CHILDS_CALLS: Final = 3
"""Audited calls that a working child makes."""


@dataclass
class Forked:
    """A server that forked in its tools, and what was delivered while it lived."""

    log: ClientLog
    folder: Path
    pid: int
    arrived: set[bytes]

    @property
    def own_calls(self) -> list[str]:
        """Where the calls that no client made were: ``job:N`` for each."""
        calls = trail.events(trail.lines(self.folder), "tool_call")
        return sorted(call["resources"][0]["id"] for call in calls if call["request"]["transport"] == "none")

    @property
    def own_lines(self) -> set[bytes]:
        """The lines of the server's own stream."""
        starts = (line for line in trail.lines(self.folder) if line["event"]["event_type"] == "audit_start")
        stream = next(line["chain"]["stream"] for line in starts if line["event"]["trail"]["pid"] == self.pid)
        segments = sorted((self.folder / stream).glob("*.jsonl"))
        return {line for segment in segments for line in segment.read_bytes().splitlines()}


def run(folder: Path, *arguments: str) -> Forked:
    with HttpReceiver() as receiver:
        environ = exporting(folder, receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
        with script_server(WORKSHOP, environ, *arguments) as server:
            session = Session(server)
            session.echo("before the forks")
            for tool in ("fork_and_exit", "fork_and_raise"):
                session.wire.call(call(tool, tool))
            for number, tool in ((10, "fork_and_work"), (20, "multiprocess"), (30, "audited_tool")):
                session.wire.call(call(tool, tool, number=number))
            session.echo("after the forks")
            assert server.leave() == 0
        return Forked(session.log, folder, server.pid, trail.bodies(receiver.records()))


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Forked:
    return run(tmp_path_factory.mktemp("fork") / "journal", "before")


def test_the_calls_of_the_client_have_one_record_each_in_the_parents_stream(forked: Forked) -> None:
    trail.assert_kept(forked.log, forked.folder, in_process=2 + 2 * CHILDS_CALLS)


def test_a_child_that_leaves_at_once_changes_nothing_about_the_parents_call(forked: Forked) -> None:
    calls = trail.events(trail.lines(forked.folder), "tool_call")
    outcomes = {call["tool"]: call["response"]["outcome"] for call in calls}
    assert (outcomes["fork_and_exit"], outcomes["fork_and_raise"]) == ("success", "success")


def test_each_audited_call_of_a_child_has_a_record_of_its_own(forked: Forked) -> None:
    of_children = [*range(10, 10 + CHILDS_CALLS), *range(20, 20 + CHILDS_CALLS)]
    assert forked.own_calls == sorted(f"job:{number}" for number in (1, 2, *of_children))


def test_each_process_writes_its_own_stream_and_no_other(forked: Forked) -> None:
    starts = trail.events(trail.lines(forked.folder), "audit_start")
    pids = Counter(start["trail"]["pid"] for start in starts)
    # The parent, the child before the serving, and the two children that worked.
    assert len(pids) == 4
    assert set(pids.values()) == {1}
    assert forked.pid in pids


def test_no_child_leaves_a_stream_that_it_had_no_call_for(forked: Forked) -> None:
    for lines in trail.streams(forked.folder).values():
        assert trail.events(lines, "tool_call"), lines


def test_all_chains_are_intact_and_nothing_stands_twice(forked: Forked) -> None:
    trail.assert_sound(forked.folder)
    assert trail.doubled(trail.lines(forked.folder)) == []


def test_the_parent_has_delivered_its_whole_stream(forked: Forked) -> None:
    assert forked.own_lines
    assert forked.own_lines <= forked.arrived
