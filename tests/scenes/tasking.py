"""A call that fastmcp runs as a background task, to its end, in one process: ``python tasking.py``."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.scenes import kernel

fastmcp: Any = import_module("fastmcp")
server: Any = fastmcp.FastMCP("tasking")
tasks: Any = import_module("fastmcp_tasks") if kernel.MODERN else None
if tasks:
    server.add_extension(tasks.TasksExtension())


@server.tool(task=True)
async def job(n: int) -> str:
    """Work in the background."""
    await anyio.sleep(0.05)
    return f"job {n} is done"


async def submit(client: Any, n: int) -> Any:
    """Call the tool as a task."""
    if tasks:
        return await tasks.call_tool_task(client, "job", {"n": n})
    return await client.call_tool("job", {"n": n}, task=True)


async def main() -> None:
    """Call it as a task and wait for the task's end; then call it plainly."""
    async with fastmcp.Client(server) as client:
        task = await submit(client, 1)
        print((await task.result()).content[0].text)
        print((await client.call_tool("job", {"n": 2})).content[0].text)


if __name__ == "__main__":
    anyio.run(main)
