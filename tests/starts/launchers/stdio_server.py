"""A server as ``mcp run`` wants it: an object, and a program."""

from mcp.server.mcpserver import MCPServer

mcp = MCPServer("starts", log_level="CRITICAL")


@mcp.tool()
def echo(text: str) -> str:
    """Give the text back."""
    return text


if __name__ == "__main__":
    mcp.run()
