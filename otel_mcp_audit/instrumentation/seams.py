"""Where the kernels are wrapped: one table drives both directions.

Import hooks cannot be taken back, so each carries the generation it was installed in; and a wrapper that somebody still
holds after ``uninstall`` passes through. Adapters are imported when a kernel is, never before.
"""

import importlib
import importlib.metadata
import logging
import re
import sys
from types import ModuleType
from typing import Any, Final, NamedTuple

import wrapt

SUPPORTED: Final = "mcp >= 1.21, < 3"
_LOGGER: Final = logging.getLogger("otel_mcp_audit")


class Seam(NamedTuple):
    """A kernel's function and the adapter that wraps it.

    ``kernel`` is the major version of mcp that has it (0: all); ``by_value`` says that other modules import it by name.
    """

    module: str
    target: str
    adapter: str
    kernel: int = 0
    by_value: bool = False


SEAMS: Final = (
    Seam("mcp.server.lowlevel.server", "Server.run", "serving:server_run"),
    Seam("mcp.server.stdio", "stdio_server", "serving:stdio_server", by_value=True),
    Seam("mcp.server.streamable_http_manager", "StreamableHTTPSessionManager.run", "serving:http_run"),
    Seam("mcp.server.runner", "ServerRunner.__init__", "mcp_v2:runner_init", 2),
    Seam("mcp.server.runner", "ServerRunner._on_request", "mcp_v2:on_request", 2),
    Seam("mcp.shared.jsonrpc_dispatcher", "JSONRPCDispatcher._handle_request", "mcp_v2:dispatch", 2),
    Seam("mcp.shared.jsonrpc_dispatcher", "JSONRPCDispatcher._write_error", "mcp_v2:write_error", 2),
    Seam("mcp.server.mcpserver.tools.tool_manager", "ToolManager.call_tool", "registry:call_tool", 2),
    Seam("mcp.server.streamable_http_manager", "StreamableHTTPSessionManager.handle_request", "mcp_v1:http_request", 1),
    Seam("mcp.server.session", "ServerSession.__init__", "mcp_v1:session_init", 1),
    Seam("mcp.server.session", "ServerSession._received_request", "mcp_v1:received_request", 1),
    Seam("mcp.server.lowlevel.server", "Server._handle_request", "mcp_v1:handle_request", 1),
    Seam("mcp.server.lowlevel.server", "Server._make_error_result", "mcp_v1:make_error_result", 1),
    Seam("mcp.server.fastmcp.tools.tool_manager", "ToolManager.call_tool", "registry:call_tool", 1),
)


class _Wrapped(NamedTuple):
    owner: Any
    name: str
    original: Any


_ON: Final[list[bool]] = []
"""Not empty while we are installed: what a wrapper asks at each call, without a call of its own."""


class _State:
    """What is installed."""

    generation = 0
    wrapped: list[_Wrapped]
    said_unsupported = False


_STATE: Final = _State()
_STATE.wrapped = []


def install() -> None:
    """Install the seams now where the kernel is imported already, and at its import otherwise. Idempotent."""
    if _ON:
        return
    _ON.append(True)
    _STATE.generation += 1
    for module in dict.fromkeys(seam.module for seam in SEAMS):
        wrapt.register_post_import_hook(_Hook(_STATE.generation), module)


def uninstall() -> None:
    """Restore everything that was wrapped."""
    _ON.clear()
    while _STATE.wrapped:
        owner, name, original = _STATE.wrapped.pop()
        setattr(owner, name, original)
    adapter = sys.modules.get("otel_mcp_audit.instrumentation.mcp_v2")
    if adapter is not None:
        adapter.forget_servers()


class _Hook:
    """Runs inside the application's ``import``: whatever goes wrong stays here."""

    def __init__(self, generation: int) -> None:
        self._generation = generation

    def __call__(self, module: ModuleType) -> None:
        if not _ON or self._generation != _STATE.generation:
            return
        try:
            self._wrap_all(module)
        except Exception:
            _LOGGER.exception("seams of %s not installed: MCP calls may NOT be audited", module.__name__)

    def _wrap_all(self, module: ModuleType) -> None:
        major = _kernel()
        if major is None:
            return
        for seam in SEAMS:
            if seam.module == module.__name__ and seam.kernel in {0, major}:
                _wrap(module, seam)


def _kernel() -> int | None:
    """The major version of the installed kernel; None, said once, where it is not one that we know."""
    version = importlib.metadata.version("mcp")
    major, minor = (int(number) for number in re.findall(r"\d+", f"{version}.0")[:2])  # also of "2.4rc1"
    if (1, 21) <= (major, minor) < (3, 0):
        return major
    if not _STATE.said_unsupported:
        _STATE.said_unsupported = True
        _LOGGER.error("mcp %s is not supported (%s): calls are NOT audited", version, SUPPORTED)
    return None


def _wrap(module: ModuleType, seam: Seam) -> None:
    owner, _, name = seam.target.rpartition(".")
    holder = getattr(module, owner) if owner else module
    original = vars(holder)[name]
    adapter_module, _, function = seam.adapter.partition(":")
    adapter = getattr(importlib.import_module(f"otel_mcp_audit.instrumentation.{adapter_module}"), function)
    wrapper = wrapt.FunctionWrapper(original, adapter, _ON)  # pyright: ignore[reportArgumentType] -- any truth value will do
    _replace(holder, name, original, wrapper)
    if seam.by_value:
        _replace_copies(name, original, wrapper)


def _replace(owner: Any, name: str, original: Any, wrapper: Any) -> None:
    setattr(owner, name, wrapper)
    _STATE.wrapped.append(_Wrapped(owner, name, original))


def _replace_copies(name: str, original: Any, wrapper: Any) -> None:
    """Modules that imported the function by name before us hold the original."""
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get(name) is original:
            _replace(module, name, original, wrapper)
