"""Tasks of two users that run in two processes: each process has a trail of its own, and names who submitted them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.elsewhere import linked, queue
from tests.elsewhere.conftest import Mode
from tests.elsewhere.linked import Event, Told
from tests.elsewhere.queue import SCRIPT
from tests.integration import trail
from tests.integration.process import ROOT, Process, command_line, eventually, script_server
from tests.scenes.accounts import ALICE, BOB
from tests.scenes.kernel import FASTMCP
from tests.scenes.processes import environment

pytestmark = queue.with_tasks

SUBMITTERS: Final = (ALICE, BOB)
"""Who submits, in turn."""

TASKS: Final = 4
"""The first two end where they run; of the others, the one in the worker loses it."""

KEPT: Final = FASTMCP > 2
"""fastmcp 2 keeps nothing of the request with a task: another process cannot know who submitted it."""


@dataclass
class Meeting:
    """A server with a worker inside it, and a worker elsewhere.

    Attributes:
        folder: holds both journals.
        pids: of the server's process, and of the worker's.
        told: what the client knows of each task.
        at: by task, the processes that ran it, as the tool itself says.
    """

    folder: Path
    pids: dict[int, str]
    told: list[Told]
    at: dict[int, list[int]]

    def trail(self, name: str) -> list[Event]:
        """The records of ``server`` or ``worker``."""
        return linked.calls(self.folder / name)

    def runs(self, n: int, place: str) -> list[Event]:
        """The records of a task's runs in a process."""
        ran = linked.by_link(self.trail(place)).get(self.told[n]["task"], [])
        return [event for event in ran if event["response"]["outcome"] != "task_accepted"]

    def accepted(self, n: int) -> Event:
        """The record of the call that submitted a task."""
        (found,) = [
            event
            for event in linked.by_link(self.trail("server"))[self.told[n]["task"]]
            if event["response"]["outcome"] == "task_accepted"
        ]
        return found

    def taken_by(self, place: str) -> list[int]:
        """The tasks that a process began to run, before it took over another's."""
        return [n for n, pids in self.at.items() if self.pids[pids[0]] == place]


def _places(folder: Path) -> dict[int, list[int]]:
    at: dict[int, list[int]] = {}
    for path in sorted(folder.glob("meeting/*-*"), key=lambda path: path.stat().st_mtime_ns):
        n, _, pid = path.name.partition("-")
        if n != "go":
            at.setdefault(int(n), []).append(int(pid))
    return at


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Meeting:
    """Each process takes one task at a time; the worker is killed over its second, which the server takes over."""
    folder = tmp_path_factory.mktemp("workers")
    (folder / "meeting").mkdir()
    with queue.shared_queue(folder) as url:
        shared = {
            "FASTMCP_DOCKET_URL": url,
            "FASTMCP_DOCKET_CONCURRENCY": "1",
            "FASTMCP_DOCKET_REDELIVERY_TIMEOUT": "PT1S",
            "MEETING": str(folder / "meeting"),
        }
        working = environment(folder / "worker", **shared, OTEL_MCP_AUDIT_SINKS="console")
        with (
            script_server(SCRIPT, environment(folder / "server", **shared), "http") as server,
            Process([*queue.worker(), f"{SCRIPT}:served"], working, cwd=ROOT) as worker,
            script_server(SCRIPT, environment(folder / "client"), "client", str(TASKS)) as client,
        ):
            worker.stdout.await_line(lambda line: b"Starting worker" in line)
            client.stdin.write(f"{server.port()}\n".encode())
            client.stdin.flush()
            for pair in ((0, 1), (2, 3)):
                eventually(lambda: len(_places(folder)) == pair[1] + 1, f"tasks {pair} run")  # noqa: B023 -- at once
                if pair[0]:
                    worker.kill()
                for n in pair:
                    (folder / "meeting" / f"go-{n}").touch()
            assert client.ended() == 0, client.stderr.text
            server.terminate()
            told = linked.told(client.stdout.text)
    ship = command_line("ship", "--timeout", "10", environ=working)
    assert ship.returncode == 0, ship.stderr
    return Meeting(folder, {server.pid: "server", worker.pid: "worker"}, told, _places(folder))


def test_tasks_submitted_are_records_kept_in_the_trail_of_each_process(meeting: Meeting, mode: Mode) -> None:
    mode("task: by two users, run in two processes")
    assert len(meeting.taken_by("server")) == len(meeting.taken_by("worker")) == 2
    runs = [event for place in ("server", "worker") for n in range(TASKS) for event in meeting.runs(n, place)]
    accepted = [meeting.accepted(n) for n in range(TASKS)]
    assert len(meeting.trail("server")) + len(meeting.trail("worker")) == len(runs) + len(accepted) == 2 * TASKS + 1
    for name in ("server", "worker"):
        trail.assert_sound(meeting.folder / name)


def test_a_task_that_the_server_runs_itself_names_its_submitter(meeting: Meeting, mode: Mode) -> None:
    mode("task: over HTTP, its submitter in the server's own worker")
    for n in meeting.taken_by("server"):
        (run,) = meeting.runs(n, "server")
        assert run["user"]["id"] == SUBMITTERS[n % 2].user
        assert run["request"]["session_id"] is not None or FASTMCP > 3  # whose transport may have none
        linked.assert_submitters(meeting.accepted(n), run)


def test_a_task_that_another_process_runs_names_its_submitter_where_the_framework_has_kept_it(
    meeting: Meeting, mode: Mode
) -> None:
    mode("task: over HTTP, its submitter in another process")
    n, _ = meeting.taken_by("worker")
    (run,) = meeting.runs(n, "worker")
    assert (run["tool"], linked.outcomes([run])) == ("meets", ["success"])
    assert meeting.accepted(n)["user"]["id"] == SUBMITTERS[n % 2].user
    if KEPT:
        assert (run["user"], run["request"]["transport"]) == (meeting.accepted(n)["user"], "http")
    else:
        assert (run["user"]["id"], run["user"]["source"], run["request"]["transport"]) == ("anonymous", "none", "none")


def test_a_killed_workers_run_is_one_whose_end_nobody_saw_and_the_run_that_follows_has_a_record_of_its_own(
    meeting: Meeting, mode: Mode
) -> None:
    mode("task: its worker is killed, and another takes it over")
    _, n = meeting.taken_by("worker")
    (unseen,), (again,) = meeting.runs(n, "worker"), meeting.runs(n, "server")
    assert (unseen["tool"], linked.outcomes([unseen, again])) == ("meets", ["unknown", "success"])
    assert again["user"] == meeting.accepted(n)["user"]
    assert unseen["user"] == again["user"] or not KEPT
    assert [each["answer"] for each in meeting.told][n] == str(meeting.at[n][-1])


def test_the_client_has_every_answer_from_the_process_whose_record_says_so(meeting: Meeting) -> None:
    told: Callable[[int], str] = lambda n: str(meeting.told[n]["answer"])  # noqa: E731 -- shorter than its name twice
    assert [told(n) for n in range(TASKS)] == [str(meeting.at[n][-1]) for n in range(TASKS)]
