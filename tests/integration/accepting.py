"""A low-level stdio server whose every tool takes any arguments at all: what is sent reaches the audit unfiltered."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.scenes import kernel, servers


def _result(name: str, arguments: dict[str, Any]) -> Any:
    if name == "boom":
        import_module("tests.scenes.tools").boom()
    text = str(arguments.get("text", arguments.get("card", "taken")))
    return kernel.types.CallToolResult.model_validate({"content": [{"type": "text", "text": text}]})


def build() -> Any:
    """The server, for the installed kernel."""
    untyped: Any = Server
    if kernel.MODERN:

        async def on_call_tool(_context: Any, params: Any) -> Any:
            return _result(params.name, params.arguments or {})

        return untyped(servers.NAME, on_call_tool=on_call_tool)
    server = untyped(servers.NAME)

    async def call_tool(name: str, arguments: dict[str, Any]) -> Any:
        return _result(name, arguments)

    server.call_tool(validate_input=False)(call_tool)
    return server


async def main() -> None:
    """Serve."""
    server = build()
    async with stdio_server() as (receive, send):
        await server.run(receive, send, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main)
