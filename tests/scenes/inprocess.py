"""Client and server in one process that is instrumented from outside: ``python inprocess.py STYLE ERA``.

Plays the scene that each line of stdin names, and answers each with one line on stdout. ``begin tag=TAG`` starts a
call that waits, or with the tag ``block`` one that cannot be stopped; ``cancel`` gives it up; ``leave`` closes the
client while such a call is in flight, and ends.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
from pydantic import AnyUrl

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.scenes import fastmcp_servers, kernel, offers, scenes, servers
from tests.scenes.kernel import PAIRS, Era, Style

IN_PROCESS: Final = "in-process call"
IN_PROCESS_UNKNOWN: Final = "in-process call of an unknown tool"

READ: Final = "in-process read"
READ_UNKNOWN: Final = "in-process read of an unknown resource"
READ_BROKEN: Final = "in-process read that crashes"
GET: Final = "in-process prompt"
GET_UNKNOWN: Final = "in-process prompt that is not there"
GET_REFUSED: Final = "in-process prompt without its argument"

ASKED: Final = (
    *("resources/read", "resources/read of an unknown resource", "prompts/get", "prompts/get of an unknown prompt"),
    *("tools/list", "resources/list", "resources/templates/list", "prompts/list", "ping"),
)
"""What the installed version's own client can ask."""


def connected(server: Any, era: Era) -> AbstractAsyncContextManager[Any]:
    """The installed version's own way to have a client and a server in one process."""
    if kernel.FASTMCP:
        return fastmcp_servers.client(server, era)
    if kernel.MODERN:
        client: Any = import_module("mcp").Client
        return client(server, mode="legacy" if era == "legacy" else "auto")
    memory: Any = import_module("mcp.shared.memory")
    return memory.create_connected_server_and_client_session(server)


class Player:
    """Plays scenes on one session."""

    def __init__(self, style: Style, server: Any, session: Any) -> None:
        self._server = server
        self._session = session
        self._scenes = {scene.name: scene for scene in (*scenes.ordinary(style), scenes.LEAK)}
        self._waiting: asyncio.Task[Any] | None = None

    async def play(self, name: str, tag: str) -> None:
        """Play one scene to its end; how it ends is the record's to say."""
        special: dict[str, Callable[[], Awaitable[Any]]] = {
            IN_PROCESS: lambda: self._call_own("echo", {"text": "in process"}),
            IN_PROCESS_UNKNOWN: lambda: self._call_own("nope", {}),
            "begin": lambda: self._begin(tag),
            "cancel": self._cancel,
            READ: lambda: self._read_own(offers.TEXT),
            READ_UNKNOWN: lambda: self._read_own("scenes://nope"),
            READ_BROKEN: lambda: self._read_own(offers.BROKEN),
            GET: lambda: self._get_own("greet", {"name": "Ada"}),
            GET_UNKNOWN: lambda: self._get_own("nope", {}),
            GET_REFUSED: lambda: self._get_own("greet", {}),
        } | dict(zip(ASKED, self._asking(), strict=True))
        try:
            await special.get(name, lambda: self._call(name))()
        except Exception as failure:
            print(f"scenes: {name}: {failure!r}", file=sys.stderr)

    def _asking(self) -> tuple[Callable[[], Awaitable[Any]], ...]:
        ask, text = self._session, offers.TEXT if kernel.MODERN or kernel.FASTMCP else AnyUrl(offers.TEXT)
        return (
            lambda: ask.read_resource(text),
            lambda: ask.read_resource(type(text)("scenes://nope")),
            lambda: ask.get_prompt("greet", {"name": "Ada"}),
            lambda: ask.get_prompt("nope", {}),
            ask.list_tools,
            ask.list_resources,
            ask.list_resource_templates,
            ask.list_prompts,
            ask.ping if kernel.FASTMCP else ask.send_ping,
        )

    async def _read_own(self, uri: str) -> None:
        if kernel.FASTMCP == 2:
            await fastmcp_servers.within(self._server, self._server._read_resource_middleware, uri)
        else:
            await self._server.read_resource(uri)

    async def _get_own(self, name: str, arguments: dict[str, str]) -> None:
        if kernel.FASTMCP == 2:
            await fastmcp_servers.within(self._server, self._server._get_prompt_middleware, name, arguments)
        else:
            await (self._server.render_prompt if kernel.FASTMCP else self._server.get_prompt)(name, arguments)

    async def _call(self, name: str) -> None:
        params = self._scenes[name].params
        await self._request(params["name"], dict(params["arguments"]))

    async def _request(self, tool: str, arguments: dict[str, Any]) -> None:
        """As the client asks; fastmcp's own client reads more out of an answer than some scenes have in it."""
        await (self._session.call_tool_mcp if kernel.FASTMCP else self._session.call_tool)(tool, arguments)

    async def _call_own(self, tool: str, arguments: dict[str, Any]) -> None:
        if kernel.FASTMCP:
            await fastmcp_servers.call_own(self._server, tool, arguments)
        else:
            await self._server.call_tool(tool, arguments)

    async def _begin(self, tag: str) -> None:
        tool, arguments = ("block", {"seconds": 0.5}) if tag == "block" else ("slow", {"seconds": 60, "tag": tag})
        self._waiting = asyncio.create_task(self._request(tool, arguments))

    async def _cancel(self) -> None:
        assert self._waiting
        if kernel.MODERN:
            self._waiting.cancel()
        else:
            await self._notify()
        await asyncio.gather(self._waiting, return_exceptions=True)

    async def _notify(self) -> None:
        """1.x: giving up says nothing to the server, the notification does."""
        session = self._session.session if kernel.FASTMCP else self._session
        params = {"requestId": session._request_id - 1}
        message = {"method": "notifications/cancelled", "params": params}
        await session.send_notification(kernel.types.ClientNotification.model_validate(message))


async def main(style: Style, era: Era) -> None:
    """Play what stdin asks for."""
    server = servers.build(style)
    async with connected(server, era) as session:
        player = Player(style, server, session)
        while (line := await anyio.to_thread.run_sync(sys.stdin.readline)).strip() not in {"leave", ""}:
            name, _, tag = line.strip().partition(" tag=")
            await player.play(name, tag)
            print(name, flush=True)
    print("leave", flush=True)


if __name__ == "__main__":
    anyio.run(main, *next(pair for pair in PAIRS if list(pair) == sys.argv[1:]))
