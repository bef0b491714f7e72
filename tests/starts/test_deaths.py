"""Servers that never come to their end: after ``ship``, or the next start, each accepted call has its one record."""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import anyio
import pytest
from mcp import ClientSession
from mcp.client.sse import sse_client

from tests.integration import trail
from tests.integration.process import Session, call, eventually, scenes_server, script_server
from tests.receivers import HttpReceiver
from tests.scenes import kernel
from tests.scenes.accounts import ALICE
from tests.scenes.http_wire import HttpWire
from tests.scenes.processes import ServerProcess
from tests.scenes.reconcile import received_lines
from tests.starts import perishing, running
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


def test_a_tool_that_ends_its_process_leaves_an_unknown_for_itself_and_for_its_neighbour(tmp_path: Path) -> None:
    left = Left(mode="stdio: os._exit in a tool", folder=tmp_path / "journal")
    with HttpReceiver() as receiver:
        environ = running.environment(left.folder, receiver)
        with script_server(Path(perishing.__file__), environ) as server:
            session = Session(server)
            left.log, left.pid = session.log, server.pid
            session.wire.begin(call("neighbour", "slow", "unknown", seconds=60, tag="waiting"))
            server.await_start("waiting")
            session.wire.begin(call("vanishes", "vanish", "unknown"))
            eventually(lambda: not server.runs, "gone")
            left.status = server.ended()
        running.ship(left, environ)
        running.finish(left, receiver, environ)
    assert left.status == perishing.STATUS
    left.assert_whole()
    assert left.outcomes() == {"unknown": 2}
    assert left.reasons == ["the owner is gone"]


def test_a_client_that_leaves_with_a_call_in_flight_is_on_record_as_disconnected(tmp_path: Path) -> None:
    left = Left(mode="stdio: stdin closed", folder=tmp_path / "journal")
    with HttpReceiver() as receiver:
        environ = running.environment(left.folder, receiver)
        with scenes_server(environ) as server:
            session = Session(server)
            left.log, left.pid = session.log, server.pid
            session.echo()
            session.wire.begin(call("async tool", "slow", "disconnected", seconds=60, tag="waiting"))
            server.await_start("waiting")
            left.status = server.leave()
        left.records = receiver.records()
    left.assert_whole()
    assert left.outcomes() == {"success": 1, "disconnected": 1}
    assert left.reasons == ["exit"]


def test_the_next_start_of_the_service_finishes_the_calls_of_a_killed_http_server(tmp_path: Path) -> None:
    left = Left(mode="http: kill -9, then the next start", folder=tmp_path / "journal")
    with HttpReceiver() as receiver:
        environ = running.environment(left.folder, receiver)
        with scenes_server(environ, "http") as server:
            wire = _wire(server.port(), "killed", left)
            wire.call(running.scene("echo", text="before"))
            in_flight = [
                wire.begin(running.scene("slow", "unknown", seconds=60, tag="waiting")),
                wire.begin(running.scene("block", "unknown", seconds=60)),
            ]
            server.await_start("waiting")
            server.await_start("block")
            left.pid, left.status = server.pid, server.kill()
            for each in in_flight:
                each.drop()
        with scenes_server(environ, "http") as server:
            eventually(lambda: len(_unknown_at(receiver)) >= len(in_flight), "finished by the next start")
            _wire(server.port(), "next", left).call(running.scene("echo", text="after"))
            server.terminate()
        left.records = receiver.records()
    assert left.status == -signal.SIGKILL
    left.assert_whole()
    assert left.outcomes() == {"success": 2, "unknown": 2}
    assert Counter(left.reasons) == {"the owner is gone": 1, "server stopped": 1}
    assert sorted(_unknown_at(receiver).values()) == [1, 1]


def _wire(port: int, name: str, left: Left) -> HttpWire:
    wire = HttpWire(port, name, ALICE, left.log, kernel.ERAS[-1])
    wire.connect()
    return wire


def _unknown_at(receiver: HttpReceiver) -> Counter[str]:
    """How often each call without a known end was received, by its record's id."""
    lines = (json.loads(line) for line in received_lines(receiver.records()))
    calls = (line["event"] for line in lines if line["event"]["event_type"] == "tool_call")
    return Counter(event["id"] for event in calls if event["response"]["outcome"] == "unknown")


def test_what_an_sse_server_had_not_sent_at_sigterm_goes_with_ship(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with HttpReceiver() as receiver:
        environ = running.environment(folder, receiver)
        with scenes_server(environ, "sse") as server:
            anyio.run(_echo_over_sse, server.port())
            server.terminate()
        calls = trail.events(trail.lines(folder), "tool_call")
        running.ship(Left(mode="sse: SIGTERM", folder=folder), environ)
        records = receiver.records()
    assert [call["response"]["outcome"] for call in calls] == ["success"]
    assert trail.undelivered(folder, records) == set()
    (stop,) = trail.events(trail.lines(folder), "audit_stop")
    assert stop["trail"]["reason"] == "the owner is gone"
    trail.assert_sound(folder)


async def _echo_over_sse(port: int) -> None:
    address, headers = f"http://127.0.0.1:{port}/sse", {"Authorization": f"Bearer {ALICE.token}"}
    async with sse_client(address, headers=headers) as streams, ClientSession(*streams) as session:
        await session.initialize()
        await session.call_tool("echo", {"text": "over SSE"})
