"""What differs between mcp 1.x and 2.x, and fastmcp, for whoever writes a server or a client: in one place."""

import inspect
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Final, Literal

Style = Literal["framework", "lowlevel", "fastmcp"]
Era = Literal["legacy", "modern"]
Transport = Literal["http", "stateless", "sse"]

VERSION: Final = version("mcp")
MODERN: Final = int(VERSION.partition(".")[0]) >= 2
"""mcp 2.x: a request may carry its own envelope (era ``modern``) beside the handshake (era ``legacy``)."""

FASTMCP: Final = int(version("fastmcp").partition(".")[0]) if find_spec("fastmcp") else 0
"""The major version of the package fastmcp; 0 without it. With it, its servers are the ones that are looked at."""

LABEL: Final = f"fastmcp {version('fastmcp')} on mcp {VERSION}" if FASTMCP else f"mcp {VERSION}"
STYLES: Final[tuple[Style, ...]] = ("fastmcp",) if FASTMCP else ("framework", "lowlevel")
LEADING: Final = STYLES[0]
"""The style whose servers have a registry of tools, and call them themselves."""

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
"""The SDK's own."""

CUTS_OFF: Final = MODERN or (not FASTMCP and "cancel_scope.cancel()" in inspect.getsource(_lowlevel.Server.run))
"""A closed transport cancels the calls in flight; early 1.x and fastmcp on 1.x let them run to their end."""


def holds_loop(style: Style) -> bool:
    """Whether a plain function runs on the event loop, where nothing can be read meanwhile; else in a thread."""
    return FASTMCP == 2 if FASTMCP else style == "framework" and not MODERN


def checks_output(style: Style) -> bool:
    """Whether the server checks what its tools return; else only the client does: fastmcp 4, and 2.x low down."""
    return not MODERN or style == "framework"


def tool_error(text: str) -> Exception:
    """The framework's own exception for a tool that says error."""
    return (import_module("fastmcp.exceptions").ToolError if FASTMCP else ToolError)(text)


def asking() -> tuple[Any, ...]:
    """A tool that asks the client for more, once: of servers that know rounds, written as each framework wants it."""
    if not MODERN:
        return ()

    async def ask(ctx: Any) -> Any:
        """Ask the client for more, once."""
        return "answered" if ctx.request_state else more_is_needed()

    context: Any = import_module("fastmcp" if FASTMCP else "mcp.server.mcpserver").Context
    ask.__annotations__ = {"ctx": context, "return": str | types.InputRequiredResult}
    return (ask,)


def more_is_needed() -> Any:
    """The answer of a first round."""
    return types.InputRequiredResult(request_state="asked once")


def protocol_error(code: int, message: str) -> Exception:
    """The SDK's own exception for a JSON-RPC error: ``MCPError`` on 2.x, ``McpError`` on 1.x."""
    if MODERN:
        return _errors.MCPError(code=code, message=message)
    return _errors.McpError(types.ErrorData(code=code, message=message))


def error_result(text: str) -> Any:
    """A result that says error, as a tool returns it: fastmcp has a class of its own for it, since 3."""
    if FASTMCP:
        return import_module("fastmcp.tools.tool" if FASTMCP == 3 else "fastmcp.tools").ToolResult(text, is_error=True)
    return types.CallToolResult.model_validate({"content": [{"type": "text", "text": text}], "isError": True})
