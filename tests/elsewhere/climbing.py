"""A server whose tool asks the client for more three times, over HTTP behind bearer tokens: ``python climbing.py``."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import uvicorn

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.scenes import fastmcp_servers, kernel, servers
from tests.scenes.accounts import account

STEPS: Final = 3


async def climb(ctx: Any) -> Any:
    """Ask for more until three rounds are over."""
    step = int(ctx.request_state or 0) + 1
    return "at the top" if step > STEPS else kernel.types.InputRequiredResult(request_state=str(step))


async def guided() -> str:
    """Have another server climb, in this process, whose rounds are between it and its client."""
    package: Any = import_module("fastmcp" if kernel.FASTMCP else "mcp.client")
    inner: Any = (package.FastMCP if kernel.FASTMCP else kernel.Framework)("inner")
    inner.tool()(climb)
    async with package.Client(inner) as client:
        return str((await client.call_tool("climb", {})).content[0].text)


def application() -> Any:
    """The ASGI application of the framework that is installed."""
    context: Any = import_module("fastmcp" if kernel.FASTMCP else "mcp.server.mcpserver").Context
    climb.__annotations__.update({"ctx": context, "return": str | kernel.types.InputRequiredResult})
    if kernel.FASTMCP:
        options = {"auth": fastmcp_servers.verifier(account)}
        return fastmcp_servers.application(fastmcp_servers.server("climbing", climb, guided, **options), "http")
    server = servers.protected()
    for tool in (climb, guided):
        server.add_tool(tool)
    return server.streamable_http_app()


if __name__ == "__main__":
    uvicorn.run(application(), host="127.0.0.1", port=0)
