"""The runs over streamable HTTP: both eras on one server, and the users at once."""

from pathlib import Path

import anyio

from tests.scenes import asked, client, scenes
from tests.scenes.accounts import ACCOUNTS, ALICE, Account
from tests.scenes.client import Caller
from tests.scenes.http_wire import HttpWire
from tests.scenes.kernel import ERAS, Era, Style
from tests.scenes.log import ClientLog, Identity
from tests.scenes.processes import ServerProcess
from tests.scenes.runs import Auditing, Run, await_records, switched
from tests.scenes.scenes import Scene
from tests.scenes.servers import LEAKED

Runs = dict[Era, Run]
"""What each era's clients have; folder and server are one."""


def dropped(era: Era) -> Scene:
    """A legacy session outlives the connection that carried a call; a modern call ends with it."""
    if era == "legacy":
        return scenes.slow("connection dropped in flight", "dropped-legacy", "success", seconds=0.5)
    return scenes.slow("connection dropped in flight", "dropped-modern", "disconnected")


CANCELLED = scenes.slow("cancelled", "given-up", "cancelled")
ENDED = scenes.cut_off("session ended in flight", "ended")


def by_wire(style: Style, era: Era) -> tuple[str, ...]:
    """The scenes that the wire adds to the ordinary ones."""
    # Without a session there is nothing to send a cancellation to, and nothing to end.
    of_sessions = (CANCELLED, scenes.blocking(style), scenes.AFTERWARDS, ENDED) if era == "legacy" else ()
    refused = (*scenes.INVALID_ENVELOPES, *scenes.behind_auth(style))
    return tuple(scene.name for scene in (*refused, dropped(era), *of_sessions))


def asked_by_wire(style: Style, era: Era) -> tuple[Scene, ...]:
    """Everything but calls of a tool."""
    shakes_hands = (scenes.HANDSHAKE,) if era == "legacy" else ()
    return (*shakes_hands, *asked.rows(style, era), *asked.behind_auth(style))


def everything(style: Style, folder: Path) -> Runs:
    """Three users through the SDK's client, then everything that only the wire can do; SIGTERM ends the server."""
    runs: Runs = {era: Run(folder=folder) for era in ERAS}
    with ServerProcess(style, "http", switched(folder, "on")) as server:
        port = server.port()
        for era, run in runs.items():
            anyio.run(_three_users, style, era, port, run.log)
            run.transcript = _wire(style, era, port, run.log)
            _interrupt(server, port, style, era, run.log)
            await_records(run)
        if style != "lowlevel":
            server.stderr.await_line(lambda line: LEAKED.encode() in line, times=len(ERAS))
        server.terminate()
    return {era: run.closed(server) for era, run in runs.items()}


def wire(style: Style, auditing: Auditing, folder: Path, **changes: str) -> Runs:
    """Only what ``everything`` keeps in its transcripts."""
    runs: Runs = {era: Run(folder=folder) for era in ERAS}
    with ServerProcess(style, "http", switched(folder, auditing, **changes)) as server:
        for era, run in runs.items():
            run.transcript = _wire(style, era, server.port(), run.log)
        server.terminate()
    return {era: run.closed(server) for era, run in runs.items()}


def blocking(style: Style, folder: Path) -> Run:
    """A tool that cannot stop is cancelled; then one more call."""
    run = Run(folder=folder)
    with ServerProcess(style, "http", switched(folder, "on")) as server:
        _cancel_blocking(server, HttpWire(server.port(), "block", ALICE, run.log, "legacy"), style)
        server.terminate()
    return run.closed(server)


async def _three_users(style: Style, era: Era, port: int, log: ClientLog) -> None:
    async def one(account: Account) -> None:
        caller = Caller(f"{account.user}-{era}", Identity(account.user, account.tenant), era, log)
        async with client.over_http(port, account.token, caller) as conversation:
            for scene in scenes.ordinary(style):
                await conversation.call(scene)

    async with anyio.create_task_group() as users:
        for account in ACCOUNTS:
            users.start_soon(one, account)


def _wire(style: Style, era: Era, port: int, log: ClientLog) -> list[str]:
    wire = HttpWire(port, f"wire-{era}", ALICE, log, era)
    wire.connect()
    for scene in (*scenes.ordinary(style), *scenes.INVALID_ENVELOPES, *scenes.behind_auth(style)):
        wire.call(scene)
    for scene in (*asked.rows(style, era), *asked.behind_auth(style)):
        wire.call(scene)
    return wire.transcript


def _interrupt(server: ServerProcess, port: int, style: Style, era: Era, log: ClientLog) -> None:
    wire = HttpWire(port, f"cut-{era}", ALICE, log, era)
    wire.connect()
    if style != "lowlevel":
        wire.call(scenes.LEAK)
    cut_off = wire.begin(dropped(era))
    server.await_start(f"dropped-{era}")
    cut_off.drop()
    if era == "legacy":
        _cancel(server, HttpWire(port, "cancel", ALICE, log, era))
        _cancel_blocking(server, HttpWire(port, "block", ALICE, log, era), style)
        _end_session(server, HttpWire(port, "end", ALICE, log, era))


def _cancel(server: ServerProcess, wire: HttpWire) -> None:
    wire.connect()
    given_up = wire.begin(CANCELLED)
    server.await_start("given-up")
    wire.cancel(given_up)
    given_up.read()


def _cancel_blocking(server: ServerProcess, wire: HttpWire, style: Style) -> None:
    """In a session of its own: some kernels lose the session over it, later."""
    wire.connect()
    given_up = wire.begin(scenes.blocking(style))
    server.await_start("block")
    wire.cancel(given_up)
    given_up.read()
    wire.call(scenes.AFTERWARDS)


def _end_session(server: ServerProcess, wire: HttpWire) -> None:
    wire.connect()
    ended = wire.begin(ENDED)
    server.await_start("ended")
    wire.close()
    ended.read()
