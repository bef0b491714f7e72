"""A JSON-RPC client over the older HTTP+SSE transport: answers come in on one stream, each message is a POST."""

import http.client
import itertools
import json

from tests.scenes import messages
from tests.scenes.accounts import Account
from tests.scenes.log import ClientLog, Identity, Made
from tests.scenes.messages import Message
from tests.scenes.processes import PATIENCE, Lines
from tests.scenes.scenes import HANDSHAKE, Scene

DATA = b"data: "


class SseWire:
    """One user's session. ``name`` begins its request ids."""

    def __init__(self, port: int, name: str, account: Account, log: ClientLog) -> None:
        self._port = port
        self._account = account
        self._log = log
        self._ids = map(f"{name}-{{}}".format, itertools.count(1))
        self._stream = self._connection()
        self._stream.request("GET", "/sse", headers=self._headers("stream") | {"Accept": "text/event-stream"})
        self._lines = Lines(self._stream.getresponse())
        self._door = self._data(self._lines.await_line(lambda line: b"session_id=" in line))

    @property
    def session_id(self) -> str:
        """The session that the server gave."""
        return self._door.partition("session_id=")[2]

    def connect(self) -> None:
        """Shake hands."""
        opening = self._note(HANDSHAKE).key
        self._post(messages.initialize(opening), opening)
        self._answer(opening)
        self._post(messages.INITIALIZED, next(self._ids))

    def begin(self, scene: Scene) -> Made:
        """Send a request and do not wait."""
        made = self._note(scene)
        self._post(messages.request(made.key, scene.method, scene.params, "legacy"), made.key)
        return made

    def _note(self, scene: Scene) -> Made:
        """Keep it in the log, under an id of its own."""
        return self._log.keep(
            Made(
                key=next(self._ids),
                scene=scene.name,
                sent=scene.params,
                expected=scene.expected,
                identity=Identity(self._account.user, self._account.tenant),
                method=scene.method,
            )
        )

    def call(self, scene: Scene) -> Made:
        """Send a call and wait for its answer."""
        made = self.begin(scene)
        made.answer = self._answer(made.key)
        return made

    def cancel(self, made: Made) -> None:
        """Say that nobody waits for this call any more."""
        self._post(messages.cancelled(made.key), next(self._ids))

    def drop(self) -> None:
        """Close the stream without a word."""
        assert self._stream.sock
        self._stream.sock.shutdown(2)
        self._lines.join(PATIENCE)
        self._stream.close()

    def _post(self, message: Message, request_id: str) -> None:
        connection = self._connection()
        headers = self._headers(request_id) | {"Content-Type": "application/json"}
        connection.request("POST", self._door, json.dumps(message).encode(), headers)
        with connection.getresponse() as response:
            assert response.status == http.HTTPStatus.ACCEPTED, (response.status, response.read())
        connection.close()

    def _answer(self, rpc_id: str) -> str:
        return self._data(
            self._lines.await_line(
                lambda line: line.startswith(DATA + b"{") and json.loads(line.removeprefix(DATA)).get("id") == rpc_id
            )
        )

    def _data(self, line: bytes) -> str:
        return line.removeprefix(DATA).decode().strip()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)

    def _headers(self, request_id: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._account.token}", "X-Request-ID": request_id}
