"""The runs over HTTP without a session, and over the older HTTP+SSE transport."""

import re
from pathlib import Path
from typing import Final

from tests.scenes import asked, scenes
from tests.scenes.accounts import ALICE, BOB
from tests.scenes.http_wire import HttpWire
from tests.scenes.kernel import Style
from tests.scenes.log import Made
from tests.scenes.processes import ServerProcess
from tests.scenes.runs import Run, await_records, switched
from tests.scenes.scenes import Scene
from tests.scenes.sse_wire import SseWire
from tests.scenes.stdio_runs import OS_USER
from tests.scenes.stdio_wire import StdioWire

CLAIMED: Final = "deadbeef"
"""A session that no server has given."""

CANCELLED = scenes.slow("cancelled", "given-up", "cancelled")
UNHEARD = scenes.slow("cancelled", "given-up", "success", seconds=0.5)
"""Without a session there is nobody whom a cancellation could reach."""


def short(style: Style) -> tuple[Scene, ...]:
    """What every transport of every release is asked: it works, says no, crashes, is not there."""
    wanted = {"ok", "tool error raised", "tool error returned", "crash", "unknown tool"}
    return tuple(scene for scene in scenes.ordinary(style) if scene.name in wanted)


def sse_scenes(style: Style) -> tuple[Scene, ...]:
    """Those over SSE."""
    dropped = scenes.cut_off("connection dropped in flight", "dropped")
    return (*short(style), *scenes.behind_auth(style), CANCELLED, scenes.AFTERWARDS, dropped)


def stateless_scenes(style: Style) -> tuple[Scene, ...]:
    """Those without a session."""
    dropped = scenes.cut_off("connection dropped in flight", "dropped")
    return (*short(style), UNHEARD, dropped)


def asked_over(style: Style) -> tuple[Scene, ...]:
    """Everything but calls of a tool; without a session each is asked as the older era does."""
    return (*asked.rows(style, "legacy"), *asked.behind_auth(style))


ROUNDS: Final = (scenes.ASKS, scenes.answered(""))


def rounds_over_http(style: Style, folder: Path) -> Run:
    """A tool that asks for more, and gets it in a request of its own."""
    run = Run(folder=folder)
    with ServerProcess(style, "http", switched(folder, "on")) as server:
        wire = HttpWire(server.port(), "alice", ALICE, run.log, "modern")
        wire.call(scenes.answered(_state(wire.call(scenes.ASKS))))
        server.terminate()
    return run.closed(server)


def rounds_over_stdio(style: Style, folder: Path) -> Run:
    """The same, on a connection."""
    run = Run(folder=folder)
    with ServerProcess(style, "stdio", switched(folder, "on")) as server:
        wire = StdioWire(server, run.log, "modern", OS_USER)
        wire.call(scenes.answered(_state(wire.call(scenes.ASKS))))
        server.leave()
    return run.closed(server)


def _state(made: Made) -> str:
    """The state that an answer asks to get back, found wherever the transport put it."""
    found = re.search(r'"requestState":"([^"]+)"', made.answer or "")
    assert found, made.answer
    return found[1]


def sse(style: Style, folder: Path) -> Run:
    """Two users with a session each; one cancels, and then is gone with a call in flight."""
    run = Run(folder=folder)
    with ServerProcess(style, "sse", switched(folder, "on")) as server:
        bystander = SseWire(server.port(), "bob", BOB, run.log)
        wire = SseWire(server.port(), "alice", ALICE, run.log)
        for each in (wire, bystander):
            each.connect()
        for scene in (*short(style), *scenes.behind_auth(style), *asked_over(style)):
            wire.call(scene)
        bystander.call(short(style)[0])
        given_up = wire.begin(CANCELLED)
        server.await_start("given-up")
        wire.cancel(given_up)
        wire.call(scenes.AFTERWARDS)
        wire.begin(sse_scenes(style)[-1])
        server.await_start("dropped")
        wire.drop()
        await_records(run)
        bystander.drop()
        server.terminate()
    run.transcript = [bystander.session_id, wire.session_id]
    return run.closed(server)


def stateless(style: Style, folder: Path) -> Run:
    """One user who claims a session, cancels what nobody hears of, and drops a connection."""
    run = Run(folder=folder)
    with ServerProcess(style, "stateless", switched(folder, "on")) as server:
        wire = HttpWire(server.port(), "alice", ALICE, run.log, "legacy")
        wire.claim(CLAIMED)
        for scene in (*short(style), *asked_over(style)):
            wire.call(scene)
        given_up = wire.begin(UNHEARD)
        server.await_start("given-up")
        wire.cancel(given_up)
        given_up.read()
        dropped = wire.begin(stateless_scenes(style)[-1])
        server.await_start("dropped")
        dropped.drop()
        await_records(run)
        server.terminate()
    return run.closed(server)
