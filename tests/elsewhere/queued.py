"""fastmcp's tasks: ``python queued.py memory`` plays them all in one process, ``http`` serves them, ``client`` submits.

A client prints one line of JSON for each task: its tool, its id as the client was told, how it ended for the client.
"""

import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import anyio
import uvicorn

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from otel_mcp_audit import annotate, audited
from tests.elsewhere.linked import CANARY
from tests.scenes import fastmcp_servers, kernel
from tests.scenes.accounts import ALICE, BOB, account

fastmcp: Any = import_module("fastmcp")
docket: Any = import_module("docket")
extension: Any = import_module("fastmcp_tasks") if kernel.MODERN else None

PATIENCE: Final = 20.0
_taken_back = anyio.Event()
_begun = anyio.Event()
_own_work_done = anyio.Event()
_tries: Final[list[str]] = []
_BRIEF: Final = docket.Timeout(timedelta(seconds=0.1))
_THRICE: Final = docket.Retry(attempts=3)


async def rows(n: int) -> list[int]:
    """Answer a list."""
    return list(range(n))


async def crash(n: int) -> str:
    """Fail in a way that is not the framework's."""
    raise ValueError(f"{CANARY} {n}")


async def says_error(n: int) -> str:
    """Fail in the framework's own way."""
    raise import_module("fastmcp.exceptions").ToolError(f"no {n}")


async def touches(n: int) -> str:
    """Say what is touched, from inside."""
    annotate(resource=f"patient:{n}", purpose="treatment", result_count=7)
    return "touched"


@audited(resource="doc:{n}", sensitivity="restricted")
async def marked(n: int) -> str:
    """Say what is touched, on the outside."""
    return f"marked {n}"


async def too_long(n: int, limit: Any = _BRIEF) -> str:
    """Take longer than the worker allows."""
    del limit
    await anyio.sleep(PATIENCE)
    return f"never {n}"


async def again(n: int, retry: Any = _THRICE) -> str:
    """Succeed the third time."""
    del retry
    _tries.append("")
    if len(_tries) < 3:
        raise ValueError(CANARY)
    return f"at last {n}"


async def waits(n: int) -> str:
    """Wait until the client has taken the task back."""
    _begun.set()
    try:
        await anyio.sleep(PATIENCE)
    finally:
        _taken_back.set()
    return f"never {n}"


async def asks(n: int, ctx: Any) -> Any:
    """Ask the client for more, once."""
    if ctx.input_responses:
        return f"answered {n}"
    schema = {"type": "object", "properties": {"sure": {"type": "boolean"}}}
    question = kernel.types.ElicitRequestFormParams(message="sure?", requested_schema=schema)
    return kernel.types.InputRequiredResult(
        input_requests={"sure": kernel.types.ElicitRequest(params=question)}, request_state="asked once"
    )


async def meets(n: int) -> str:
    """Say where it runs, and wait until the test has seen enough."""
    folder = Path(os.environ["MEETING"])
    (folder / f"{n}-{os.getpid()}").touch()
    with anyio.fail_after(PATIENCE):
        while not (folder / f"go-{n}").exists():  # noqa: ASYNC110 -- the test is another process
            await anyio.sleep(0.02)
    return f"{os.getpid()}"


TOOLS: Final[list[Callable[..., Awaitable[Any]]]] = [rows, crash, says_error, touches, marked, too_long, waits, meets]


def server(**options: Any) -> Any:
    """A server whose tools may all be tasks."""
    built = fastmcp.FastMCP("queued", **options)
    if extension:
        built.add_extension(extension.TasksExtension())
        asks.__annotations__["ctx"] = fastmcp.Context
    for tool in (*TOOLS, asks if extension else again):
        built.tool(tool, task=True)
    if not extension:
        built.prompt(task=True)(greeting)
        built.resource("note://{name}", task=True)(note)
    return built


async def greeting(name: str) -> str:
    """A prompt."""
    return f"Hello {name}"


async def note(name: str) -> str:
    """A resource."""
    return f"of {name}"


async def own_work(done: str) -> None:
    """What no client has asked for."""
    print(done, flush=True)
    _own_work_done.set()


async def submit(client: Any, tool: str, n: int) -> Any:
    """Call a tool as a task."""
    if extension:
        return await extension.call_tool_task(client, tool, {"n": n})
    return await client.call_tool(tool, {"n": n}, task=True)


async def ended(tool: str, task: Any) -> None:
    """Wait for a task's end and print what the client knows of it."""
    try:
        result = await task.result()
        answer = f"{result.data}" if hasattr(result, "data") else "got"
    except Exception as error:
        answer = type(error).__name__
    print(json.dumps({"tool": tool, "task": task.task_id, "answer": answer}), flush=True)


async def memory() -> None:
    """Submit a task of each kind, and wait for its end; the last one is taken back."""

    async def sure(*_: Any) -> Any:
        return {"sure": True}

    async with fastmcp.Client(served, **({"elicitation_handler": sure} if extension else {})) as client:
        last = "asks" if extension else "again"
        for tool in ("rows", "crash", "says_error", "touches", "marked", "too_long", last):
            await ended(tool, await submit(client, tool, 3))
        if not extension:
            await ended("greeting", await client.get_prompt("greeting", {"name": "ana"}, task=True))
            await ended("note", await client.read_resource("note://ana", task=True))
        await served._docket.add(own_work, key="own:1")("own work is done")
        with anyio.fail_after(PATIENCE):
            await _own_work_done.wait()
        task = await submit(client, "waits", 3)
        with anyio.fail_after(PATIENCE):
            await _begun.wait()
            await task.cancel()
            await _taken_back.wait()
        await ended("waits", task)


async def over_http(count: str) -> None:
    """Submit tasks as two users in turn, all before the first has ended, to the port that is read when all is ready."""
    tokens = (ALICE.token, BOB.token)
    address = f"http://127.0.0.1:{sys.stdin.readline().strip()}/mcp"
    async with fastmcp.Client(address, auth=tokens[0]) as one, fastmcp.Client(address, auth=tokens[1]) as other:
        submitted = [await submit((one, other)[n % 2], "meets", n) for n in range(int(count))]
        for task in submitted:
            await ended("meets", task)


served = server(**({"auth": fastmcp_servers.verifier(account)} if "http" in sys.argv else {}))
"""What a worker in a process of its own looks for, too."""

if __name__ == "__main__":
    if sys.argv[1] == "http":
        uvicorn.run(served.http_app(), host="127.0.0.1", port=0)
    elif sys.argv[1] == "client":
        anyio.run(over_http, sys.argv[2])
    else:
        anyio.run(memory)
