"""Plain HTTP requests, as wrong as they are wanted: any method, header and body."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from tests.scenes import kernel, messages
from tests.scenes.accounts import ALICE, Account
from tests.scenes.kernel import Era
from tests.scenes.processes import PATIENCE, Lines

Headers = Mapping[str, str | bytes | None]
"""None takes a header away."""

ORDINARY: Final[dict[str, str]] = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "Authorization": f"Bearer {ALICE.token}",
}

_MADE_UP: Final = frozenset({"date", "mcp-session-id"})


@dataclass(frozen=True)
class Knock:
    """One request.

    Attributes:
        path: below the transport's own; None: where its calls go.
        headers: over the ordinary ones.
        body: as it is, or a message.
        session: whether it names alice's session.
    """

    method: str = "POST"
    path: str | None = None
    headers: Headers = field(default_factory=dict[str, str | bytes | None])
    body: bytes | messages.Message = b""
    session: bool = False


def call(era: Era = "legacy", tool: str = "echo", **arguments: Any) -> messages.Message:
    """A call of a tool."""
    return messages.request("1", "tools/call", {"name": tool, "arguments": arguments or {"text": "hi"}}, era)


def modern(method: str = "tools/call", name: str | None = "echo", changes: Headers | None = None) -> Headers:
    """The headers that repeat the body of a request which carries its own envelope."""
    named = {} if name is None else {"Mcp-Name": name}
    return {"MCP-Protocol-Version": kernel.MODERN_VERSION, "Mcp-Method": method, **named, **(changes or {})}


class Door:
    """A transport's own address on a running server."""

    def __init__(self, port: int, transport: str) -> None:
        self._port = port
        self._transport = transport
        self._session: str | None = None
        self._posts_to = "/mcp"
        self._stream: http.client.HTTPConnection | None = None
        self._lines: Lines | None = None

    def open(self) -> None:
        """Have alice begin a session, where there are any."""
        if self._transport == "sse":
            self._connect()
        elif self._transport != "stateless":
            opening = self._send("POST", "/mcp", ORDINARY, json.dumps(messages.initialize("0")).encode())
            with opening.getresponse() as response:
                response.read()
            opening.close()
            self._session = response.getheader("mcp-session-id")
            assert self._session, (response.status, self._transport)
            self._listen("/mcp", {"Mcp-Session-Id": self._session})

    def _connect(self) -> None:
        self._listen("/sse", {})
        assert self._lines
        line = self._lines.await_line(lambda line: b"session_id=" in line).decode().strip()
        self._session = line.partition("session_id=")[2]
        self._posts_to = "/messages/"
        for message in (messages.initialize("0"), messages.INITIALIZED):
            assert self.knock(Knock(body=message, session=True), "handshake") == HTTPStatus.ACCEPTED
            if "id" in message:
                self._lines.await_line(lambda line: b"protocolVersion" in line)

    def _listen(self, path: str, headers: Headers) -> None:
        """Open the stream on which the server speaks by itself."""
        self._stream = self._send("GET", path, {**ORDINARY, "Accept": "text/event-stream", **headers}, b"")
        self._lines = Lines(self._stream.getresponse())

    def close(self) -> None:
        """Leave."""
        if self._stream is not None and self._stream.sock:
            self._stream.sock.shutdown(2)
            assert self._lines
            self._lines.join(PATIENCE)
            self._stream.close()

    def knock(self, knock: Knock, request_id: str) -> int:
        """Send it and read the answer to its end; answers the status."""
        return int(self.answer(knock, request_id).partition("\n")[0])

    def answer(self, knock: Knock, request_id: str) -> str:
        """Send it and read the answer to its end: status, headers and body, but for what the server makes up."""
        path = self._posts_to if knock.path is None else knock.path
        session: dict[str, str] = {}
        if knock.session and self._session:
            if self._transport == "sse":
                path += f"?session_id={self._session}"
            else:
                session = {"Mcp-Session-Id": self._session}
        headers = ORDINARY | {"X-Request-ID": request_id} | session | dict(knock.headers)
        body = knock.body if isinstance(knock.body, bytes) else json.dumps(knock.body).encode()
        connection = self._send(knock.method, path, headers, body)
        with connection.getresponse() as response:
            text = response.read().decode("latin-1")
        connection.close()
        kept = [f"{name}: {value}" for name, value in response.getheaders() if name.lower() not in _MADE_UP]
        return "\n".join((str(response.status), *kept, text))

    def _send(self, method: str, path: str, headers: Headers, body: bytes) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        connection.putrequest(method, f"/{self._transport}{path}", skip_host="Host" in headers)
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name, value)
        if "Content-Length" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return connection


def bearer(account: Account) -> Headers:
    """The header that says who one is."""
    return {"Authorization": f"Bearer {account.token}"}
