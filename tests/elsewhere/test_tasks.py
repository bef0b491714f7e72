"""A task has the record of the call that submitted it, and one of each run of its tool, joined by the task's id."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.elsewhere import linked
from tests.elsewhere.conftest import Mode
from tests.elsewhere.linked import CANARY, Event
from tests.elsewhere.queue import SCRIPT, with_tasks
from tests.integration import trail
from tests.scenes.kernel import MODERN
from tests.scenes.processes import PATIENCE, command, environment

pytestmark = with_tasks

ENDINGS: Final = {
    "rows": ["success"],
    "crash": ["exception ValueError"],
    "says_error": ["tool_error tool_error"],
    "touches": ["success"],
    "marked": ["success"],
    "too_long": ["exception TimeoutError"],
    "waits": ["cancelled"],
    **({"asks": ["input_required", "success"]} if MODERN else {"again": ["exception ValueError"] * 2 + ["success"]}),
}
"""How the runs of each tool's task end."""

OTHERS: Final[dict[str, str]] = {} if MODERN else {"greeting": "prompt_get", "note": "resource_read"}
"""What else is a task before fastmcp 4."""


class Played:
    """One process that submitted a task of each kind and waited for their ends."""

    def __init__(self, folder: Path, **changes: str) -> None:
        line, environ = command(SCRIPT, "memory"), environment(folder, **changes)
        ran = subprocess.run(line, env=environ, capture_output=True, encoding="utf-8", timeout=PATIENCE, check=True)
        self.folder, self.output, self.stderr = folder, ran.stdout, ran.stderr
        self.told = {told["tool"]: told for told in linked.told(ran.stdout)}
        self.events = linked.calls(folder)

    def of(self, tool: str) -> list[Event]:
        """The records that carry the link of a tool's task, in the order in which they were kept."""
        return linked.by_link(self.events)[self.told[tool]["task"]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Once for all the tests that look at it; nothing of it may run or be answered without its record on the disk."""
    strict = {"OTEL_MCP_AUDIT_ON_FAILURE": "closed", "OTEL_MCP_AUDIT_DURABILITY": "power"}
    return Played(tmp_path_factory.mktemp("tasks"), **strict)


def test_tasks_submitted_are_records_kept_by_the_tasks_ids(played: Played, mode: Mode) -> None:
    mode("task: submitted, run, ended")
    assert played.told.keys() == ENDINGS.keys() | OTHERS.keys()
    assert linked.by_link(played.events).keys() == {told["task"] for told in played.told.values()}
    assert all(event["link"]["type"] == "task" for event in played.events)
    expected = sum(1 + len(ends) for ends in ENDINGS.values()) + 2 * len(OTHERS)
    assert len(played.events) == expected
    trail.assert_sound(played.folder)


@pytest.mark.parametrize("tool", ENDINGS)
def test_each_run_of_a_task_says_how_it_ended(played: Played, tool: str, mode: Mode) -> None:
    mode(f"task: {tool.replace('_', ' ')}")
    accepted, *runs = sorted(played.of(tool), key=lambda event: event["response"]["outcome"] != "task_accepted")
    assert accepted["response"]["outcome"] == "task_accepted"
    assert linked.outcomes(runs) == ENDINGS[tool]
    assert {event["tool"] for event in runs} == {tool}


@pytest.mark.parametrize("tool", OTHERS)
def test_the_run_of_a_prompt_or_resource_that_is_a_task_is_one_of_its_kind(
    played: Played, tool: str, mode: Mode
) -> None:
    mode(f"task: a {OTHERS[tool].partition('_')[0]}")
    run = played.of(tool)[-1]
    assert (run["event_type"], run["tool"], run["action"]) == (OTHERS[tool], None, "READ")
    assert [resource["type"] for resource in run["resources"]] == [OTHERS[tool].partition("_")[0]]
    assert linked.outcomes([run]) == ["success"]


@pytest.mark.parametrize("tool", ENDINGS)
def test_each_run_of_a_task_names_who_submitted_it_and_by_which_request(played: Played, tool: str) -> None:
    accepted, *runs = played.of(tool)
    for run in runs:
        linked.assert_submitters(accepted, run)
        assert run["request"]["span_id"] != accepted["request"]["span_id"] or run["request"]["span_id"] is None


def test_what_a_tool_says_of_itself_stands_in_the_record_of_its_run(played: Played, mode: Mode) -> None:
    mode("task: annotate and @audited in the worker")
    _, touched = played.of("touches")
    assert [resource["id"] for resource in touched["resources"]] == ["patient:3"]
    assert (touched["purpose"], touched["response"]["result_count"]) == ("treatment", 7)
    _, marked = played.of("marked")
    assert ([resource["id"] for resource in marked["resources"]], marked["sensitivity"]) == (["doc:3"], "restricted")
    assert played.of("rows")[1]["response"]["result_count"] == 3


def test_what_an_application_queues_for_itself_is_no_call(played: Played, mode: Mode) -> None:
    mode("task: of the application's own, in the same queue")
    assert "own work is done" in played.output
    assert {event["tool"] for event in played.events} == {*ENDINGS, *([None] if OTHERS else [])}


def test_the_duration_is_of_the_run_and_not_of_its_being_accepted(played: Played) -> None:
    accepted, run = sorted(played.of("too_long"), key=lambda event: event["timestamp"])
    assert accepted["response"]["outcome"] == "task_accepted"
    assert run["response"]["duration_us"] not in {None, accepted["response"]["duration_us"]}


def test_nothing_that_a_failing_task_said_is_in_the_trail(played: Played) -> None:
    assert CANARY in played.stderr  # it failed with these words
    for path in played.folder.rglob("*"):
        assert path.is_dir() or CANARY.encode() not in path.read_bytes()
