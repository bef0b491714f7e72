"""A stdio server whose tools use threads, leave work behind, and start other servers: ``python background.py``.

Its ``relay`` starts ``python background.py child``, as any client starts a server.
"""

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from otel_mcp_audit import annotate, faults
from tests.scenes import kernel

POOL: Final = ThreadPoolExecutor(1)
"""The application's own: its threads know of no call."""

OUTSIDE: Final = "annotate outside a call"


class Left:
    """What a call has left behind, and what lets it go on."""

    task: asyncio.Task[None] | None = None
    thread: threading.Thread | None = None
    go: asyncio.Event | None = None
    go_thread = threading.Event()


def synchronous() -> str:
    """A plain function."""
    annotate(resource="sync:1")
    return "synchronous"


async def threaded() -> str:
    """In a thread that the framework lends, the call is known."""
    await anyio.to_thread.run_sync(lambda: annotate(resource="thread:1"))
    return "threaded"


async def pooled() -> str:
    """In a thread of the application's own it is not."""
    await asyncio.get_running_loop().run_in_executor(POOL, lambda: annotate(resource="pool:1"))
    return "pooled"


async def leaves() -> str:
    """Come to an end before what was begun does."""
    Left.go = asyncio.Event()
    Left.task = asyncio.create_task(_later(Left.go))
    Left.thread = threading.Thread(target=contextvars.copy_context().run, args=(_later_in_a_thread,))
    Left.thread.start()
    annotate(resource="leaves:1")
    return "left"


async def _later(go: asyncio.Event) -> None:
    await go.wait()
    annotate(resource="late:1")


def _later_in_a_thread() -> None:
    Left.go_thread.wait()
    annotate(resource="late:2")


async def gathers() -> str:
    """Let what was left behind go on to its end, from another call; say how often nobody was annotated."""
    before = faults.counts[OUTSIDE]
    assert Left.task
    assert Left.go
    assert Left.thread
    Left.go.set()
    Left.go_thread.set()
    await Left.task
    await anyio.to_thread.run_sync(Left.thread.join)
    return f"{before} and {faults.counts[OUTSIDE] - before}"


async def relay(text: str) -> str:
    """Ask another server, which is started for it."""
    child = StdioServerParameters(command=sys.executable, args=[__file__, "child"], env=dict(os.environ))
    async with stdio_client(child) as streams, ClientSession(*streams) as session:
        await session.initialize()
        answer: Any = await session.call_tool("tell", {"text": text})
    return f"child says {answer.content[0].text}"


def tell(text: str) -> str:
    """What the child does."""
    annotate(resource="child:1")
    return text


def serve(name: str, *tools: Callable[..., Any]) -> None:
    """Serve the tools over stdio."""
    if kernel.FASTMCP:
        server = import_module("fastmcp").FastMCP(name)
        for tool in tools:
            server.tool(tool)
        server.run(transport="stdio", show_banner=False)
        return
    server = kernel.Framework(name, log_level="CRITICAL")
    for tool in tools:
        server.add_tool(tool)
    server.run()


if __name__ == "__main__":
    if "child" in sys.argv:
        serve("child", tell)
    else:
        serve("background", synchronous, threaded, pooled, leaves, gathers, relay)
