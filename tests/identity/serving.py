"""A server of ``serve.py`` and its client, which chooses tokens, ids and headers for each message."""

import http.client
import json
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.scenes import messages
from tests.scenes.http_wire import PATH
from tests.scenes.messages import Message
from tests.scenes.processes import PATIENCE, Lines, command, environment
from tests.scenes.reconcile import Kept, journal_lines, kept

SERVE: Final = Path(__file__).with_name("serve.py")


class Server:
    """A running server; as a context manager it is always ended."""

    def __init__(self, folder: Path, how: str, *, unix: bool = False, **settings: str) -> None:
        self._journal = folder / "journal"
        self._socket = folder / "socket" if unix else None
        changes = {f"OTEL_MCP_AUDIT_{name.upper()}": value for name, value in settings.items()}
        self._process = subprocess.Popen(
            command(SERVE, how, *([str(self._socket)] if self._socket else [])),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(self._journal, **changes),
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._stdin = self._process.stdin
        self._stdout = Lines(self._process.stdout)
        self.stderr = Lines(self._process.stderr)
        self._port = 0
        self._over_stdio = how == "stdio"

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def await_ready(self) -> None:
        """Wait until it listens."""
        line = self.stderr.await_line(lambda line: b"Uvicorn running on " in line)
        if self._socket is None:
            self._port = int(line.split(b"http://")[1].split()[0].rpartition(b":")[2])

    def end(self) -> None:
        """End it: a stdio server as its client does, another one as an operator does."""
        self._stdin.close()
        if not self._over_stdio:
            self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait(PATIENCE)
        self._stdout.join(PATIENCE)
        self.stderr.join(PATIENCE)

    def records(self) -> list[Kept]:
        """The records of all tool calls, in their order."""
        return kept(journal_lines(self._journal))

    def post(self, message: Message, headers: Mapping[str, str], more: tuple[tuple[str, str], ...] = ()) -> Any:
        """POST one message and read the answer to its end; ``more`` are header lines that may come twice."""
        connection = _Unix(self._socket) if self._socket else http.client.HTTPConnection("127.0.0.1", self._port)
        connection.timeout = PATIENCE
        body = json.dumps(message).encode()
        sent = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **headers}
        connection.putrequest("POST", PATH, skip_host=self._socket is not None)
        for name, value in (*sent.items(), *more, ("Content-Length", str(len(body)))):
            connection.putheader(name, value)
        if self._socket is not None:
            connection.putheader("Host", "localhost:80")
        connection.endheaders(body)
        with connection.getresponse() as response:
            answer = response.read()
        connection.close()
        assert response.status < http.HTTPStatus.BAD_REQUEST, (response.status, answer, self.stderr.text)
        return response.getheader("mcp-session-id")

    def talk(self, *sent: Message) -> None:
        """Over stdio: send messages, each when the one before has its answer."""
        for message in sent:
            self._stdin.write(json.dumps(message).encode() + b"\n")
            self._stdin.flush()
            if "id" in message:
                self._stdout.await_line(lambda line, asked=message["id"]: json.loads(line).get("id") == asked)


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))


class Session:
    """A session, begun by whoever has this token; each call may come with another."""

    def __init__(self, server: Server, token: str) -> None:
        self._server = server
        self._headers = {"Authorization": f"Bearer {token}"}
        session = server.post(messages.initialize("opening"), self._headers)
        self.id: str = session
        self._headers["Mcp-Session-Id"] = session
        server.post(messages.INITIALIZED, self._headers)

    def call(self, request_id: str, token: str | None = None, **headers: str) -> None:
        """Call the tool."""
        given = {"Authorization": f"Bearer {token}"} if token else {}
        self.send(call(request_id), {**headers, **given, "X-Request-ID": request_id})

    def send(self, message: Message, headers: Mapping[str, str]) -> None:
        """POST any message."""
        self._server.post(message, {**self._headers, **headers})


def call(rpc_id: str, text: str = "hello") -> Message:
    """A call of the tool."""
    params = {"name": "echo", "arguments": {"text": text}}
    return messages.request(rpc_id, "tools/call", params, "legacy")
