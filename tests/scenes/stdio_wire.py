"""A JSON-RPC client over a server's pipes that can send what the SDK's client will not."""

import itertools
import json

from tests.scenes import messages
from tests.scenes.kernel import Era
from tests.scenes.log import UNRECORDED, ClientLog, Identity, Made, stdio_key
from tests.scenes.messages import Message
from tests.scenes.processes import ServerProcess
from tests.scenes.scenes import HANDSHAKE, Scene


class StdioWire:
    """One connection. ``transcript`` holds every answer as it came, in the order asked for."""

    def __init__(self, server: ServerProcess, log: ClientLog, era: Era, identity: Identity) -> None:
        self._server = server
        self._log = log
        self._era: Era = era
        self._identity = identity
        self._ids = map("w{}".format, itertools.count(1))
        self.transcript: list[str] = []

    def connect(self) -> None:
        """Shake hands, where the era does."""
        if self._era == "modern":
            return
        opening = self._note(HANDSHAKE)
        self.send(messages.initialize(_rpc_id(opening)))
        opening.answer = self._answer(_rpc_id(opening))
        self.send(messages.INITIALIZED)

    def send(self, message: Message) -> None:
        """Write one line."""
        self._server.stdin.write(json.dumps(message).encode() + b"\n")
        self._server.stdin.flush()

    def begin(self, scene: Scene, *, era: Era | None = None) -> Made:
        """Send a request and do not wait; ``era``: as if the connection were of that one."""
        made = self._note(scene)
        self.send(messages.request(_rpc_id(made), scene.method, scene.params, era or self._era))
        return made

    def _note(self, scene: Scene) -> Made:
        """Keep it in the log, under an id of its own, unless it is of a kind that has no record."""
        key = stdio_key(self._server.pid, json.dumps(next(self._ids)))
        made = Made(
            key=key,
            scene=scene.name,
            sent=scene.params,
            expected=scene.expected,
            identity=self._identity,
            method=scene.method,
        )
        return made if scene.method in UNRECORDED else self._log.keep(made)

    def call(self, scene: Scene, *, era: Era | None = None) -> Made:
        """Send a call and wait for its answer."""
        made = self.begin(scene, era=era)
        made.answer = self._answer(_rpc_id(made))
        return made

    def cancel(self, made: Made) -> None:
        """Say that nobody waits for this call any more."""
        self.send(messages.cancelled(_rpc_id(made)))

    def _answer(self, rpc_id: str) -> str:
        line = self._server.stdout.await_line(lambda line: json.loads(line).get("id") == rpc_id).decode()
        self.transcript.append(line)
        return line


def _rpc_id(made: Made) -> str:
    return json.loads(made.key.partition("/")[2])
