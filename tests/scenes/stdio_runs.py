"""The runs over stdio."""

import os
import pwd
from pathlib import Path
from typing import Final

import anyio

from tests.scenes import asked, client, kernel, scenes
from tests.scenes.client import Caller
from tests.scenes.kernel import Era, Style
from tests.scenes.log import Identity
from tests.scenes.processes import SERVE, ServerProcess, command
from tests.scenes.runs import Auditing, Run, switched
from tests.scenes.scenes import Scene
from tests.scenes.servers import LEAKED, LOG_LEVEL
from tests.scenes.stdio_wire import StdioWire

OS_USER: Final = Identity(pwd.getpwuid(os.geteuid()).pw_name)
"""Who calls over stdio: the user whose process the server is."""

CANCELLED: Final = scenes.slow("cancelled", "given-up", "cancelled")
CUT_OFF: Final = scenes.cut_off("stdin closed in flight", "cut-off")


def by_wire(era: Era) -> tuple[str, ...]:
    """The scenes that the wire adds to the ordinary ones."""
    other = (scenes.of_the_other_era(era),) if kernel.MODERN else ()
    return tuple(scene.name for scene in (*scenes.INVALID_ENVELOPES, *other, CANCELLED, scenes.AFTERWARDS, CUT_OFF))


def asked_by_wire(style: Style, era: Era) -> tuple[Scene, ...]:
    """Everything but calls of a tool."""
    shakes_hands = (scenes.HANDSHAKE,) if era == "legacy" else ()
    return (*shakes_hands, *asked.rows(style, era), asked.READ_CANCELLED)


def sdk(style: Style, era: Era, folder: Path) -> Run:
    """The SDK's client starts the server, makes every ordinary call and leaves."""
    run = Run(folder=folder / "journal")
    errlog = folder / "stderr.txt"

    async def play() -> None:
        serve = command(SERVE, style, "stdio")
        environ = switched(run.folder, "on")
        caller = Caller("scenes-sdk", OS_USER, era, run.log)
        async with client.over_stdio(serve, environ, errlog, caller) as conversation:
            for scene in scenes.ordinary(style):
                await conversation.call(scene)

    anyio.run(play)
    run.stderr = errlog.read_text(encoding="utf-8")
    return run


def wire(style: Style, era: Era, auditing: Auditing, folder: Path, **changes: str) -> Run:
    """Every call that needs no session of its own; the last one is in flight when stdin closes."""
    run = Run(folder=folder)
    # One era's server logs as talkatively as it comes: exceptions' texts have to be in its log, and in nothing of ours.
    talk = {LOG_LEVEL: "INFO"} if era == "legacy" else {}
    with ServerProcess(style, "stdio", switched(folder, auditing, **{**talk, **changes})) as server:
        wire = StdioWire(server, run.log, era, OS_USER)
        wire.connect()
        for scene in (*scenes.ordinary(style), *scenes.INVALID_ENVELOPES, *asked.rows(style, era)):
            wire.call(scene)
        if kernel.MODERN:
            wire.call(scenes.of_the_other_era(era), era="modern" if era == "legacy" else "legacy")
        given_up = wire.begin(CANCELLED)
        server.await_start("given-up")
        wire.cancel(given_up)
        unread = wire.begin(asked.READ_CANCELLED)
        server.await_start("read")
        wire.cancel(unread)
        if era == "legacy":
            wire.call(asked.PING)
        wire.call(scenes.AFTERWARDS)
        if style != "lowlevel":
            wire.call(scenes.LEAK)
            server.stderr.await_line(lambda line: LEAKED.encode() in line)
        wire.begin(CUT_OFF)
        server.await_start("cut-off")
        server.leave()
    run.transcript = wire.transcript
    return run.closed(server)


def blocking(style: Style, auditing: Auditing, folder: Path) -> Run:
    """A tool that cannot stop is cancelled; then one more call. Some kernels lose the session over it, later."""
    run = Run(folder=folder)
    with ServerProcess(style, "stdio", switched(folder, auditing)) as server:
        wire = StdioWire(server, run.log, "legacy", OS_USER)
        wire.connect()
        given_up = wire.begin(scenes.blocking(style))
        server.await_start("block")
        wire.cancel(given_up)
        wire.call(scenes.AFTERWARDS)
        server.leave()
    run.transcript = wire.transcript
    return run.closed(server)
