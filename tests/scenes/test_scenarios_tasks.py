"""A call that is accepted as a task says so; it is not counted again when it is looked after: its run is, by itself."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.scenes import kernel
from tests.scenes.conftest import Note
from tests.scenes.processes import PATIENCE, command, environment
from tests.scenes.reconcile import journal_lines, tool_calls

SCRIPT = Path(__file__).with_name("tasking.py")


@pytest.mark.skipif(
    not (kernel.FASTMCP and find_spec("docket")) or (kernel.MODERN and not find_spec("fastmcp_tasks")),
    reason="only beside fastmcp[tasks]",
)
def test_a_call_accepted_as_a_task_has_one_record_that_says_so_and_its_run_another(tmp_path: Path, note: Note) -> None:
    ran = subprocess.run(
        command(SCRIPT), env=environment(tmp_path), capture_output=True, encoding="utf-8", timeout=PATIENCE, check=True
    )
    records = tool_calls(journal_lines(tmp_path))
    note(kernel.LEADING, "memory legacy", "accepted as a task, then called plainly", 2, records)
    assert ran.stdout.splitlines() == ["job 1 is done", "job 2 is done"]
    outcomes = [record.event["response"]["outcome"] for record in records]
    second = ["task_accepted", "success"] if kernel.MODERN else ["success"]  # since 4 it is the server that decides
    assert sorted(outcomes) == sorted(["task_accepted", "success", *second])
    assert {record.event["tool"] for record in records} == {"job"}
