"""What differs between mcp 1.x and 2.x for whoever writes a server or a client: the names, in one place."""

import inspect
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final, Literal

Style = Literal["framework", "lowlevel"]
Era = Literal["legacy", "modern"]

VERSION: Final = version("mcp")
MODERN: Final = int(VERSION.partition(".")[0]) >= 2
"""mcp 2.x: a request may carry its own envelope (era ``modern``) beside the handshake (era ``legacy``)."""

LABEL: Final = f"mcp {VERSION}"
STYLES: Final[tuple[Style, ...]] = ("framework", "lowlevel")
ERAS: Final[tuple[Era, ...]] = ("legacy", "modern") if MODERN else ("legacy",)
PAIRS: Final[tuple[tuple[Style, Era], ...]] = tuple((style, era) for style in STYLES for era in ERAS)

LEGACY_VERSION: Final = "2025-06-18"
MODERN_VERSION: Final = "2026-07-28"
MODERN_META: Final = {
    "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "scenes-wire", "version": "1"},
}

# Imported by name, so that one type checker can read what two incompatible majors run.
types: Final[Any] = import_module("mcp_types" if MODERN else "mcp.types")
_framework: Final[Any] = import_module("mcp.server.mcpserver" if MODERN else "mcp.server.fastmcp")
_exceptions: Final[Any] = import_module(f"{_framework.__name__}.exceptions")
_lowlevel: Final[Any] = import_module("mcp.server.lowlevel")
_errors: Final[Any] = import_module("mcp.shared.exceptions")

Framework: Final[Any] = _framework.MCPServer if MODERN else _framework.FastMCP
ToolError: Final[type[Exception]] = _exceptions.ToolError


CUTS_OFF: Final = MODERN or "cancel_scope.cancel()" in inspect.getsource(_lowlevel.Server.run)
"""A closed transport cancels the calls in flight; early 1.x lets them run to their end, and fails to answer then."""


def protocol_error(code: int, message: str) -> Exception:
    """The SDK's own exception for a JSON-RPC error: ``MCPError`` on 2.x, ``McpError`` on 1.x."""
    if MODERN:
        return _errors.MCPError(code=code, message=message)
    return _errors.McpError(types.ErrorData(code=code, message=message))


def error_result(text: str) -> Any:
    """A ``CallToolResult`` that says error, as a tool returns it."""
    return types.CallToolResult.model_validate({"content": [{"type": "text", "text": text}], "isError": True})
