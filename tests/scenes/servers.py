"""The scenes' servers in both styles: as a user writes them, usable on mcp 1.x and 2.x, unaware of auditing."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio
from mcp.server.auth.settings import AuthSettings

from tests.scenes import fastmcp_servers, kernel, lowlevel, offers, tools
from tests.scenes.accounts import SCOPE, Verifier, account
from tests.scenes.kernel import Style, Transport

NAME: Final = "scenes"
LEAK_DELAY: Final = 0.3
"""Seconds that ``leak``'s background task waits: it outlives its call."""

LEAKED: Final = "scenes: the task that leak left behind has made its call"
"""The line on stderr that says so."""


LOG_LEVEL: Final = "FASTMCP_LOG_LEVEL"
"""Variable: the frameworks' log level. They draw tracebacks, which cost more than all the calls of a run."""


def build(style: Style) -> Any:
    """A server without authentication, for stdio and for a client in the same process."""
    if style == "fastmcp":
        return _fastmcp()
    return framework() if style == "framework" else lowlevel.server(NAME)


def build_application(style: Style, transport: Transport = "http") -> Any:
    """The ASGI application of a server behind bearer tokens; ``http`` is the stateful streamable HTTP."""
    if style == "fastmcp":
        return fastmcp_servers.application(_fastmcp(auth=fastmcp_servers.verifier(account)), transport)
    if style == "framework":
        return _framework_application(transport)
    return lowlevel.application(lowlevel.server(NAME), Verifier(), _auth(), transport)


def _framework_application(transport: Transport) -> Any:
    stateless: dict[str, Any] = {"stateless_http": True} if transport == "stateless" else {}
    before, after = ({}, stateless) if kernel.MODERN else (stateless, {})  # 1.x: an option of the server's
    server = framework(token_verifier=Verifier(), auth=_auth(), **before)
    return server.sse_app() if transport == "sse" else server.streamable_http_app(**after)


def framework(**options: Any) -> Any:
    """``MCPServer`` on 2.x, ``FastMCP`` on 1.x."""
    server = kernel.Framework(NAME, log_level=os.environ.get(LOG_LEVEL, "CRITICAL"), **options)
    for tool in (*tools.TOOLS, *_calling_tools(server.call_tool), *kernel.asking()):
        server.add_tool(tool)
    for uri, function in (*offers.RESOURCES.items(), (offers.NESTED, offers.nested(server.call_tool))):
        server.resource(uri)(function)
    for prompt in offers.PROMPTS:
        server.prompt()(prompt)
    server.completion()(offers.completing(server.call_tool))
    return server


def _fastmcp(**options: Any) -> Any:
    """The package fastmcp's own ``FastMCP``."""
    server: Any = None

    async def call(name: str, arguments: dict[str, Any]) -> None:
        await fastmcp_servers.call_own(server, name, arguments)

    server = fastmcp_servers.server(NAME, *_calling_tools(call), *kernel.asking(), **options)
    server.resource(offers.NESTED)(offers.nested(call))
    return server


def protected() -> Any:
    """The framework's server behind bearer tokens."""
    return framework(token_verifier=Verifier(), auth=_auth())


def _auth() -> AuthSettings:
    options: dict[str, Any] = {
        "issuer_url": "https://idp.example",
        "resource_server_url": "http://127.0.0.1/mcp",
        "required_scopes": [SCOPE],
        "validate_token_resource": False,
    }
    return AuthSettings.model_validate(options)


def _calling_tools(call: Callable[[str, dict[str, Any]], Awaitable[Any]]) -> tuple[Callable[..., Any], ...]:
    """The tools that ``call`` tools of their own server: inside their call, and after it."""
    background: set[asyncio.Task[None]] = set()

    async def nest() -> str:
        """Call another tool inside this call."""
        await call("echo", {"text": "nested"})
        return "nested"

    async def later() -> None:
        await anyio.sleep(LEAK_DELAY)
        await call("echo", {"text": "leaked"})
        print(LEAKED, file=sys.stderr, flush=True)

    async def leak() -> str:
        """Leave a task behind that calls a tool when this call is long over."""
        background.add(asyncio.create_task(later()))
        return "left one behind"

    async def pry() -> Any:
        """Ask for what nobody may have, and say that it was in vain."""
        try:
            await call("secret", {})
        except Exception:
            return kernel.error_result("in vain")

    return (nest, leak, pry) if kernel.FASTMCP >= 3 else (nest, leak)
