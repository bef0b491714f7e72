"""A JSON-RPC client over plain HTTP that chooses its ids and headers, and can drop what it has begun."""

import http.client
import itertools
import json
from dataclasses import dataclass
from typing import Final

from tests.scenes import kernel, messages
from tests.scenes.accounts import Account
from tests.scenes.kernel import Era
from tests.scenes.log import UNRECORDED, ClientLog, Identity, Made
from tests.scenes.messages import Message
from tests.scenes.processes import PATIENCE
from tests.scenes.scenes import HANDSHAKE, Scene

PATH: Final = "/mcp"
_VARIABLE_HEADERS: Final = frozenset({"date", "mcp-session-id"})


@dataclass
class InFlight:
    """A POST whose answer was not read yet."""

    connection: http.client.HTTPConnection
    made: Made
    rpc_id: str

    def drop(self) -> None:
        """Close the connection without reading."""
        self.connection.close()

    def read(self) -> str:
        """The answer: status, headers that do not vary, body."""
        with self.connection.getresponse() as response:
            body = response.read().decode()
        self.connection.close()
        headers = sorted((name.lower(), value) for name, value in response.getheaders())
        kept = [f"{name}: {value}" for name, value in headers if name not in _VARIABLE_HEADERS]
        self.made.answer = "\n".join((str(response.status), *kept, "", body))
        return self.made.answer


class HttpWire:
    """One user's session. ``name`` begins its request ids; ``transcript`` holds every answer in the order asked for."""

    def __init__(self, port: int, name: str, account: Account, log: ClientLog, era: Era) -> None:
        self._port = port
        self._account = account
        self._log = log
        self._era: Era = era
        self._ids = map(f"{name}-{{}}".format, itertools.count(1))
        self._session: str | None = None
        self.transcript: list[str] = []

    def connect(self) -> None:
        """Shake hands, where the era does."""
        if self._era == "modern":
            return
        opening = self._note(HANDSHAKE).key
        self._session = self._exchange(messages.initialize(opening), opening)
        self._exchange(messages.INITIALIZED, next(self._ids))

    def claim(self, session: str) -> None:
        """Claim a session that no server gave."""
        self._session = session

    def begin(self, scene: Scene) -> InFlight:
        """Send a request and do not wait."""
        made = self._note(scene)
        message = messages.request(made.key, scene.method, scene.params, self._era)
        return InFlight(self._post(message, made.key), made, made.key)

    def _note(self, scene: Scene) -> Made:
        """Keep it in the log, under an id of its own, unless it is of a kind that has no record."""
        made = Made(
            key=next(self._ids),
            scene=scene.name,
            sent=scene.params,
            expected=scene.expected,
            identity=Identity(self._account.user, self._account.tenant),
            method=scene.method,
        )
        return made if scene.method in UNRECORDED else self._log.keep(made)

    def call(self, scene: Scene) -> Made:
        """Send a call and wait for its answer."""
        call = self.begin(scene)
        self.transcript.append(call.read())
        return call.made

    def cancel(self, call: InFlight) -> None:
        """Say that nobody waits for this call any more."""
        self._exchange(messages.cancelled(call.rpc_id), next(self._ids))

    def close(self) -> None:
        """End the session on the server."""
        connection = self._connection()
        connection.request("DELETE", PATH, headers=self._headers(next(self._ids)))
        with connection.getresponse() as response:
            response.read()
        connection.close()

    def _exchange(self, message: Message, request_id: str) -> str | None:
        """POST and read to the end; answers the session that the server gave."""
        connection = self._post(message, request_id)
        with connection.getresponse() as response:
            body = response.read()
        connection.close()
        assert response.status < http.HTTPStatus.BAD_REQUEST, (response.status, body)
        return response.getheader("mcp-session-id")

    def _post(self, message: Message, request_id: str) -> http.client.HTTPConnection:
        connection = self._connection()
        headers = self._headers(request_id) | self._envelope(message)
        connection.request("POST", PATH, json.dumps(message).encode(), headers)
        return connection

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)

    def _headers(self, request_id: str) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {self._account.token}",
            "X-Request-ID": request_id,
        }
        return headers | ({"Mcp-Session-Id": self._session} if self._session else {})

    def _envelope(self, message: Message) -> dict[str, str]:
        """What the modern era repeats of the body in headers."""
        if self._era == "legacy":
            return {}
        params = message.get("params", {})
        named = {"Mcp-Name": name} if isinstance(name := params.get("name", params.get("uri")), str) else {}
        return {"MCP-Protocol-Version": kernel.MODERN_VERSION, "Mcp-Method": message["method"], **named}
