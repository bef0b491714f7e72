"""What every scene's server offers beside tools: plain functions behind resources, prompts and completions."""

import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import anyio

from tests.scenes import kernel
from tests.scenes.tools import CANARY, PROTOCOL_CODE, started

TEXT: Final = "scenes://text"
BROKEN: Final = "scenes://broken"
WAITING: Final = "scenes://waiting"
NESTED: Final = "scenes://nested"
ROWS: Final = "scenes://rows/{n}"
GONE: Final = "gone"

Call = Callable[[str, dict[str, Any]], Awaitable[Any]]


def text() -> str:
    """Five bytes."""
    return "hello"


def broken() -> str:
    """Crash."""
    raise ValueError(CANARY)


async def waiting() -> str:
    """Wait to be interrupted."""
    print(started("read"), file=sys.stderr, flush=True)
    await anyio.sleep(60)
    return "never"


def rows(n: int) -> str:
    """A row as often as asked for."""
    return "row " * n


def greet(name: str) -> str:
    """Greet somebody."""
    return f"Hello, {name}"


def gloomy() -> str:
    """Crash."""
    raise ValueError(CANARY)


RESOURCES: Final = {TEXT: text, BROKEN: broken, WAITING: waiting, ROWS: rows}
PROMPTS: Final = (greet, gloomy)


def nested(call: Call) -> Callable[[], Awaitable[str]]:
    """A resource that calls a tool of its own server."""

    async def nested() -> str:
        await call("echo", {"text": "from a resource"})
        return "nested"

    return nested


async def complete(*given: Any) -> Any:
    """Two values, whatever is asked; frameworks hand over what they please."""
    del given
    return kernel.types.Completion(values=["Ada", "Alan"])


def completing(call: Call) -> Callable[..., Awaitable[Any]]:
    """The same, but ``GONE`` is asked of a tool, in vain, and answered with an error."""

    async def complete_or_ask(_ref: Any, argument: Any, _context: Any) -> Any:
        if argument.value != GONE:
            return await complete()
        with suppress(Exception):
            await call("boom", {})
        raise kernel.protocol_error(PROTOCOL_CODE, "gone")

    return complete_or_ask
