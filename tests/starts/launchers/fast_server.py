"""A server of the other framework, as ``fastmcp run`` wants it."""

from importlib import import_module
from typing import Any

fastmcp: Any = import_module("fastmcp")  # of its leg of the matrix only
mcp: Any = fastmcp.FastMCP("starts")


def echo(text: str) -> str:
    """Give the text back."""
    return text


mcp.tool(echo)
