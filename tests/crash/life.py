"""One life of a server: calls in flight all the time, and SIGKILL at a random moment."""

import json
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.integration.process import Process, Session, call, scenes_server
from tests.scenes.log import ClientLog, Made
from tests.scenes.scenes import Scene

WIDTH: Final = 16
"""Calls that are sent at once; as many again as soon as half of all are answered: 8 to 24 are in flight."""

LONGEST_CALL: Final = 0.15
LONGEST_LIFE: Final = 1.2
"""Seconds; of the life, after the handshake."""


@dataclass
class Life:
    """What the client knows when the server is gone.

    Attributes:
        log: every call that was sent; ``answer`` where one came.
        in_flight: how many were open at the kill.
        status: exit status of the server.
    """

    log: ClientLog = field(default_factory=ClientLog)
    in_flight: int = 0
    status: int | None = None

    @property
    def acknowledged(self) -> list[Made]:
        """The calls whose answer the client has."""
        return [made for made in self.log.made if made.answer is not None]


def live(environ: Mapping[str, str], random: Random) -> Life:
    """Start a server, load it, kill it."""
    with scenes_server(environ, style="lowlevel") as server:
        session = Session(server)
        killer = threading.Timer(random.uniform(0.0, LONGEST_LIFE), server.send, (signal.SIGKILL,))
        killer.start()
        _load(session, server, random)
        killer.join()
        life = Life(session.log, status=server.ended())
    _read_answers(life, server)
    return life


def _load(session: Session, server: Process, random: Random) -> None:
    try:
        while True:
            for _ in range(WIDTH):
                session.wire.begin(_scene(random))
            # The handshake is among them.
            answered = len(session.log.made) - WIDTH // 2
            server.stdout.await_line(lambda line: b'"id":"w' in line, times=answered)
    except (BrokenPipeError, AssertionError):
        return  # it is dead: nothing more can be sent, or no answer comes


def _scene(random: Random) -> Scene:
    return call("load", "slow", seconds=round(random.uniform(0.0, LONGEST_CALL), 3), tag="load")


def _read_answers(life: Life, server: Process) -> None:
    """Whatever stands in the pipe was answered, whoever died since."""
    answers = {message["id"]: message for line in server.stdout.lines if (message := _message(line))}
    for made in life.log.made:
        answer = answers.get(json.loads(made.key.partition("/")[2]))
        made.answer = None if answer is None else json.dumps(answer)
    life.in_flight = len(life.log.made) - len(life.acknowledged)


def _message(line: bytes) -> dict[str, object] | None:
    """None for half a line, which nobody could read as an answer."""
    return json.loads(line) if line.endswith(b"\n") else None
