"""The experimental tasks of mcp 1.x: what a tool hands over to its server has a record of its own."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.elsewhere import linked
from tests.elsewhere.conftest import Mode
from tests.elsewhere.linked import CANARY, Event
from tests.integration import trail
from tests.scenes.kernel import FASTMCP, MODERN
from tests.scenes.processes import PATIENCE, command, environment

SCRIPT = Path(__file__).with_name("experimental.py")

pytestmark = pytest.mark.skipif(
    MODERN or bool(FASTMCP) or not find_spec("mcp.server.experimental"), reason="only beside mcp 1.23 to 1.x"
)


def _played(folder: Path, last: str) -> tuple[list[list[Event]], list[Event]]:
    """The records of each task in the order of the client's log, and all of them."""
    line, environ = command(SCRIPT, last), environment(folder)
    ran = subprocess.run(line, env=environ, capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False)
    told, events = linked.told(ran.stdout), linked.calls(folder)
    assert [each["tool"] for each in told] == ["works", "crashes", last], ran.stderr
    assert CANARY not in str(events)
    trail.assert_sound(folder)
    joined = linked.by_link(events)
    return [joined.pop(each["task"]) for each in told], events


def test_work_that_a_tool_hands_over_has_a_record_with_its_submitter(tmp_path: Path, mode: Mode) -> None:
    mode("experimental task: ended, failed, taken back")
    by_task, events = _played(tmp_path, "waits")
    assert len(events) == 6
    assert [linked.outcomes(records) for records in by_task] == [
        ["task_accepted", "success"],
        ["task_accepted", "exception ValueError"],
        ["task_accepted", "cancelled"],
    ]
    for accepted, run in by_task:
        linked.assert_submitters(accepted, run)
        assert run["request"]["trace_id"] == accepted["request"]["trace_id"]
    assert [resource["id"] for resource in by_task[0][1]["resources"]] == ["patient:3"]


def test_work_that_is_under_way_when_the_client_leaves_ends_with_the_connection(tmp_path: Path, mode: Mode) -> None:
    mode("experimental task: under way when the client leaves")
    by_task, _ = _played(tmp_path, "left")
    assert linked.outcomes(by_task[2]) == ["task_accepted", "disconnected"]
