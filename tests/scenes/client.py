"""The SDK's own client of the installed version, keeping the client's log of every call that it really sends."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from mcp.client import streamable_http
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.scenes import kernel
from tests.scenes.kernel import Era
from tests.scenes.log import CALL, UNRECORDED, ClientLog, Expected, Identity, Made, stdio_key
from tests.scenes.processes import PATIENCE
from tests.scenes.scenes import Scene

_httpx: Final[Any] = import_module("httpx2" if kernel.MODERN else "httpx")
_mcp: Final[Any] = import_module("mcp")
_shared: Final[Any] = import_module("mcp.shared.exceptions")
_REFUSED: Final = (_shared.MCPError if kernel.MODERN else _shared.McpError, RuntimeError)
"""What a client raises for a JSON-RPC error, and for a result that its own check of the output schema refuses."""


class Tap:
    """The stream that a client writes to: notes every request; a call of a tool under the scene that is on."""

    def __init__(self, log: ClientLog, key: Callable[[str], str], identity: Identity) -> None:
        self._log = log
        self._key = key
        self._identity = identity
        self._stream: Any = None
        self.scene: Scene | None = None
        self.last: Made | None = None

    def over(self, stream: Any) -> "Tap":
        """This tap, in front of a transport's stream."""
        self._stream = stream
        return self

    async def send(self, item: Any) -> None:
        """Note it and pass it on."""
        message = getattr(item.message, "root", item.message)
        method, asks = getattr(message, "method", None), getattr(message, "id", None) is not None
        if asks and method is not None and method not in UNRECORDED:
            made = self._log.keep(self._made(self._scene(method), message))
            self.last = made if method == CALL else self.last
        await self._stream.send(item)

    def _scene(self, method: str) -> Scene:
        """The scene that is on; what the client asks beside it, as the SDK's do for themselves, just succeeds."""
        beside = Scene(method, {}, Expected(outcome="success"), method)
        return self.scene if self.scene and method == CALL else beside

    def _made(self, scene: Scene, message: Any) -> Made:
        return Made(
            key=self._key(json.dumps(message.id)),
            scene=scene.name,
            sent=message.params or {},
            expected=scene.expected,
            identity=self._identity,
            method=scene.method,
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> "Tap":
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *failure: Any) -> Any:
        return await self._stream.__aexit__(*failure)


class Conversation:
    """A client in session."""

    def __init__(self, session: Any, tap: Tap) -> None:
        self._session = session
        self._tap = tap

    async def call(self, scene: Scene) -> Made:
        """Call as an application does; what came back, result or error, is kept in the log."""
        self._tap.scene, self._tap.last = scene, None
        try:
            result = await self._session.call_tool(scene.params["name"], dict(scene.params["arguments"]))
            answer = result.model_dump_json(by_alias=True)
        except _REFUSED as error:
            answer = repr(error)
        made: Made | None = self._tap.last
        assert made is not None, f"{scene.name}: the client sent nothing"
        made.answer = answer
        return made


@dataclass(frozen=True)
class Caller:
    """A client: how it names itself, who its user is, how it speaks, and where it keeps its log."""

    name: str
    identity: Identity
    era: Era
    log: ClientLog


@asynccontextmanager
async def over_stdio(
    command: list[str], environ: dict[str, str], errlog: Path, caller: Caller
) -> AsyncGenerator[Conversation]:
    """Start a server as the SDK's clients do, and talk to it; leaving closes its stdin."""
    parameters = StdioServerParameters(command=command[0], args=command[1:], env=environ)
    tap = Tap(caller.log, partial(stdio_key, caller.name), caller.identity)
    with errlog.open("w", encoding="utf-8") as stderr:
        async with _session(stdio_client(parameters, errlog=stderr), tap, caller) as conversation:
            yield conversation


@asynccontextmanager
async def over_http(port: int, token: str, caller: Caller) -> AsyncGenerator[Conversation]:
    """Talk to a server as one user; every request carries an ``X-Request-ID`` that begins with the caller's name."""

    async def stamp(request: Any) -> None:
        if request.method == "POST" and (rpc_id := json.loads(request.content).get("id")) is not None:
            request.headers["X-Request-ID"] = f"{caller.name}-{json.dumps(rpc_id)}"

    tap = Tap(caller.log, f"{caller.name}-{{}}".format, caller.identity)

    def http_client(**_: object) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return _httpx.AsyncClient(headers=headers, event_hooks={"request": [stamp]}, timeout=PATIENCE)

    async with _session(_http_transport(port, http_client), tap, caller) as conversation:
        yield conversation


@asynccontextmanager
async def _http_transport(port: int, http_client: Callable[..., Any]) -> AsyncGenerator[Any]:
    url = f"http://127.0.0.1:{port}/mcp"
    sdk: Any = streamable_http
    if hasattr(sdk, "streamable_http_client"):
        async with http_client() as entered, sdk.streamable_http_client(url, http_client=entered) as streams:
            yield streams
    else:
        async with sdk.streamablehttp_client(url, httpx_client_factory=http_client) as streams:
            yield streams


@asynccontextmanager
async def _session(transport: Any, tap: Tap, caller: Caller) -> AsyncGenerator[Conversation]:
    information = kernel.types.Implementation(name=caller.name, version="1")
    if kernel.MODERN:
        mode = "legacy" if caller.era == "legacy" else "auto"
        async with _mcp.Client(_tapped(transport, tap), mode=mode, client_info=information) as client:
            yield Conversation(client, tap)
    else:
        async with (
            _tapped(transport, tap) as (receive, send),
            _mcp.ClientSession(receive, send, client_info=information) as session,
        ):
            await session.initialize()
            yield Conversation(session, tap)


@asynccontextmanager
async def _tapped(transport: Any, tap: Tap) -> AsyncGenerator[tuple[Any, Tap]]:
    async with transport as streams:
        yield streams[0], tap.over(streams[1])
