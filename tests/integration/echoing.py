"""One call in memory to a server of the SDK's own framework, or of the package fastmcp: ``python echoing.py KIND...``.

Knows nothing of the scenes, so that it also runs on releases on which they do not.
"""

import sys
from importlib import import_module
from typing import Any

import anyio


def echo(text: str) -> str:
    """Give the text back."""
    return text


def connected(kind: str) -> Any:
    """A client in session with a server of that kind."""
    if kind == "fastmcp":
        package: Any = import_module("fastmcp")
        server = package.FastMCP(kind)
        server.tool(echo)
        return package.Client(server)
    try:
        server = import_module("mcp.server.mcpserver").MCPServer(kind)
    except ImportError:
        server = import_module("mcp.server.fastmcp").FastMCP(kind)
        server.add_tool(echo)
        return import_module("mcp.shared.memory").create_connected_server_and_client_session(server._mcp_server)
    server.add_tool(echo)
    return import_module("mcp").Client(server)


async def main(*kinds: str) -> None:
    """Call each once."""
    for kind in kinds:
        async with connected(kind) as client:
            result = await client.call_tool("echo", {"text": f"hello {kind}"})
            print(result.content[0].text)


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
