"""The experimental tasks of mcp 1.x, to their ends, in one process: ``python experimental.py``.

Prints one line of JSON for each task: its tool, its id, its state as the client last saw it.
"""

import json
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import anyio

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))
from otel_mcp_audit import annotate
from tests.elsewhere.linked import CANARY

warnings.simplefilter("ignore", DeprecationWarning)  # the kernel's own, of the whole interface

types: Any = import_module("mcp.types")
connect: Any = import_module("mcp.shared.memory").create_connected_server_and_client_session
server: Any = import_module("mcp.server.lowlevel").Server("experimental")

TOOLS: Final = ("works", "crashes", "waits", "left")


class Gates:
    """What the tools wait for."""

    begun = anyio.Event()
    go = anyio.Event()


@server.list_tools()  # pyright: ignore[reportUntypedFunctionDecorator] -- the kernel's, of a release not installed here
async def listed() -> list[Any]:
    """Every tool is a task."""
    execution = types.ToolExecution(taskSupport="required")
    return [types.Tool(name=name, inputSchema={"type": "object"}, execution=execution) for name in TOOLS]


@server.call_tool()  # pyright: ignore[reportUntypedFunctionDecorator] -- likewise
async def call(name: str, arguments: dict[str, Any]) -> Any:
    """Hand the work over."""

    async def work(_task: Any) -> Any:
        if name == "crashes":
            raise ValueError(CANARY)
        if name in {"waits", "left"}:
            Gates.begun.set()
            await Gates.go.wait()
        annotate(resource=f"patient:{arguments.get('n')}")
        return types.CallToolResult(content=[types.TextContent(type="text", text="done")])

    return await server.request_context.experimental.run_task(work)


async def submit(client: Any, name: str) -> str:
    """Call a tool as a task; answers its id."""
    accepted = await client.experimental.call_tool_as_task(name, {"n": 3})
    return str(accepted.task.taskId)


def say(name: str, task_id: str, state: str) -> None:
    """What the client knows."""
    print(json.dumps({"tool": name, "task": task_id, "answer": state}), flush=True)


async def main() -> None:
    """Two tasks come to their ends; a third is under way when the client takes it back, or leaves."""
    server.experimental.enable_tasks()
    async with connect(server) as client:
        for name in ("works", "crashes"):
            task_id, state = await submit(client, name), ""
            async for seen in client.experimental.poll_task(task_id):
                state = seen.status
            say(name, task_id, state)
        name = sys.argv[1]
        task_id = await submit(client, name)
        await Gates.begun.wait()
        say(name, task_id, "working")
        if name == "waits":
            await client.experimental.cancel_task(task_id)
            Gates.go.set()
            await anyio.sleep(60)  # the kernel fails over the end of a task that was taken back: so does this


anyio.run(main)
