"""Servers that never come to their end: after ``ship`` each call that was accepted has its one record all the same."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.integration import trail
from tests.integration.process import Session, call, scenes_server
from tests.receivers import HttpReceiver
from tests.scenes import kernel
from tests.scenes.accounts import ALICE
from tests.scenes.http_wire import HttpWire
from tests.scenes.processes import ServerProcess
from tests.starts import running
from tests.starts.running import INSTRUMENT, Launched, Left
from tests.starts.test_http_commands import UVICORN

DEATHS: Final[dict[str, tuple[Callable[[ServerProcess], int], str, str]]] = {
    "kill -9": (lambda server: _sent(server, signal.SIGKILL), "unknown", "the owner is gone"),
    "SIGTERM": (lambda server: _sent(server, signal.SIGTERM), "aborted", "signal"),
    "SIGABRT": (lambda server: _sent(server, signal.SIGABRT), "unknown", "the owner is gone"),
    "SIGHUP": (lambda server: _sent(server, signal.SIGHUP), "unknown", "the owner is gone"),
}
"""How a stdio server dies, what its calls in flight are then on record as, and why its stream stopped."""


def _sent(server: ServerProcess, number: signal.Signals) -> int:
    os.kill(server.pid, number)
    return server.ended()


@pytest.mark.parametrize("death", DEATHS)
def test_a_call_in_flight_over_stdio_has_one_record_that_says_what_was_seen(death: str, tmp_path: Path) -> None:
    die, outcome, reason = DEATHS[death]
    left = Left(mode=f"stdio: {death}", folder=tmp_path / "journal")
    with HttpReceiver() as receiver:
        environ = running.environment(left.folder, receiver)
        with scenes_server(environ) as server:
            session = Session(server)
            left.log, left.pid = session.log, server.pid
            session.echo()
            session.wire.begin(call("async tool", "slow", outcome, seconds=60, tag="waiting"))
            server.await_start("waiting")
            session.wire.begin(call("thread tool", "block", outcome, seconds=60))
            server.await_start("block")
            left.status = die(server)
        running.ship(left, environ)
        running.finish(left, receiver, environ)
    left.assert_whole()
    assert left.outcomes() == {"success": 1, outcome: 2}
    assert left.reasons == [reason]


def test_workers_whose_supervisor_was_killed_go_on_and_each_of_their_calls_has_one_record(tmp_path: Path) -> None:
    left = Left(mode="uvicorn --workers 2: supervisor kill -9", folder=tmp_path / "journal")
    with HttpReceiver() as receiver:
        environ = running.environment(left.folder, receiver)
        with Launched([INSTRUMENT, *UVICORN, "--workers", "2"], environ) as server:
            port = server.port()
            running.await_servers(left.folder, 2)
            running.call_all(port, left.log)
            os.kill(server.pid, signal.SIGKILL)
            wire = HttpWire(port, "after", ALICE, left.log, kernel.ERAS[-1])
            wire.call(running.scene("echo", text="the supervisor is gone"))
            in_flight = wire.begin(running.scene("slow", "unknown", seconds=60, tag="cut off"))
            server.await_start("cut off")
            for worker in left.writers_now():
                os.kill(worker, signal.SIGKILL)
            in_flight.drop()
            left.pid, left.status = server.pid, server.ended()
        running.ship(left, environ)
        running.finish(left, receiver, environ)
    left.assert_whole()
    assert left.outcomes() == {"success": running.CALLS + 1, "unknown": 1}
    assert left.reasons == ["the owner is gone"] * 2
    assert left.pid not in left.writers
    assert len(trail.streams(left.folder)) == 2
