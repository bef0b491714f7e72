"""Looks at an instrumented kernel from inside its process: every attribute it has, and calls made in memory."""

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

import anyio
import wrapt

_KERNELS: Final = ("mcp", "mcp_types")


def attributes() -> dict[str, Any]:
    """Every attribute of every module and class of the kernel that is imported, by its dotted name."""
    return dict(_attributes())


def _attributes() -> Iterator[tuple[str, Any]]:
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] in _KERNELS:
            for name, value in list(vars(module).items()):
                yield f"{module_name}.{name}", value
                if isinstance(value, type) and value.__module__ == module_name:
                    yield from ((f"{module_name}.{name}.{inner}", thing) for inner, thing in vars(value).items())


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Names that do not lead to the same object any more."""
    return sorted(name for name, value in before.items() if after.get(name) is not value)


def wrapped() -> list[str]:
    """Names that lead to a wrapper of wrapt's."""
    return sorted(name for name, value in _attributes() if isinstance(value, wrapt.FunctionWrapper))


def play(calls: int = 1) -> None:
    """Serve in memory and make the harmless call so many times; what it answers is as ever."""
    servers: Any = import_module("tests.scenes.servers")
    inprocess: Any = import_module("tests.scenes.inprocess")

    async def client() -> None:
        async with inprocess.connected(servers.build("framework"), "legacy") as session:
            for _ in range(calls):
                result = await session.call_tool("echo", {"text": "hello"})
                assert result.content[0].text == "hello"

    anyio.run(client)
