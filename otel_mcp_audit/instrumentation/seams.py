"""Where the kernels are wrapped: one table drives both directions.

Import hooks cannot be taken back, so each carries the generation it was installed in; and a wrapper that somebody still
holds after ``uninstall`` passes through. Adapters are imported when a kernel is, never before.
"""

import contextlib
import importlib
import importlib.metadata
import logging
import sys
from types import ModuleType
from typing import Any, Final, NamedTuple

import wrapt

from otel_mcp_audit.instrumentation import releases

_LOGGER: Final = logging.getLogger("otel_mcp_audit")


class Seam(NamedTuple):
    """A function of a kernel or framework and the adapter that wraps it.

    ``majors`` are the major versions of its package that have it (none: all); ``by_value`` says that other modules
    import it by name; an ``optional`` one is not in every release: without it a record says less.
    """

    module: str
    target: str
    adapter: str
    majors: tuple[int, ...] = ()
    by_value: bool = False
    optional: bool = False


_HTTP: Final = "mcp.server.streamable_http_manager"

SEAMS: Final = (
    Seam("mcp.server.lowlevel.server", "Server.run", "serving:server_run"),
    Seam("mcp.server.stdio", "stdio_server", "serving:stdio_server", by_value=True),
    Seam(_HTTP, "StreamableHTTPSessionManager.run", "serving:http_run"),
    Seam("mcp.server.sse", "SseServerTransport.handle_post_message", "http_request:sse_message"),
    Seam("mcp.server.sse", "SseServerTransport.handle_post_message", "passage:sse_session", optional=True),
    Seam("mcp.server.sse", "SseServerTransport.handle_post_message", "http:guard"),
    Seam(_HTTP, "StreamableHTTPSessionManager._handle_stateful_request", "passage:stateful", optional=True),
    Seam(_HTTP, "StreamableHTTPSessionManager.handle_request", "http:guard"),
    Seam(_HTTP, "StreamableHTTPASGIApp.__call__", "http:guard", (2,)),
    Seam("mcp.server.auth.middleware.bearer_auth", "RequireAuthMiddleware.__call__", "http:guard"),
    Seam(
        "mcp.server.transport_security",
        "TransportSecurityMiddleware.validate_request",
        "passage:validate_request",
        optional=True,
    ),
    Seam(
        "mcp.server.streamable_http",
        "StreamableHTTPServerTransport._validate_session",
        "passage:validate_session",
        optional=True,
    ),
    Seam(
        "mcp.server.streamable_http",
        "StreamableHTTPServerTransport._validate_protocol_version",
        "passage:validate_version",
        (1,),
        optional=True,
    ),
    Seam("mcp.server._streamable_http_modern", "_write_rejection", "passage:write_rejection", (2,), optional=True),
    Seam("mcp.server._streamable_http_modern", "serve_one", "passage:serve_one", (2,), optional=True),
    Seam("mcp.server.fastmcp.server", "Route.handle", "http:route", (1,)),
    Seam("mcp.server.lowlevel.server", "Route.handle", "http:route", (2,)),
    Seam("fastmcp.server.http", "Route.handle", "http:route", (2, 3)),
    Seam("fastmcp.server.auth.middleware", "RequireAuthMiddleware.__call__", "http:guard", optional=True),
    Seam("fastmcp.server.http", "HostOriginGuardMiddleware.__call__", "http:host_guard", (3, 4), optional=True),
    Seam("uvicorn._subprocess", "get_subprocess", "workers:get_subprocess", by_value=True),
    Seam("uvicorn.middleware.proxy_headers", "ProxyHeadersMiddleware.__call__", "http_request:proxy_headers"),
    Seam("mcp.server.runner", "ServerRunner.__init__", "mcp_v2:runner_init", (2,)),
    Seam("mcp.server.runner", "ServerRunner._on_request", "mcp_v2:on_request", (2,)),
    Seam("mcp.server._streamable_http_modern", "_tool_input_schema", "mcp_v2:look_up_schema", (2,), optional=True),
    Seam("mcp.shared.jsonrpc_dispatcher", "JSONRPCDispatcher._handle_request", "mcp_v2:dispatch", (2,)),
    Seam("mcp.shared.jsonrpc_dispatcher", "JSONRPCDispatcher._write_error", "mcp_v2:write_error", (2,)),
    Seam("mcp.server.mcpserver.tools.tool_manager", "ToolManager.call_tool", "registry:call_tool", (2,)),
    Seam("mcp.server.request_state", "RequestStateBoundary.__call__", "rounds:boundary", (2,)),
    Seam(
        "mcp.server.streamable_http_manager", "StreamableHTTPSessionManager.handle_request", "mcp_v1:http_request", (1,)
    ),
    Seam("mcp.server.sse", "SseServerTransport.handle_post_message", "mcp_v1:http_request", (1,)),
    Seam("mcp.server.session", "ServerSession.__init__", "mcp_v1_session:session_init", (1,)),
    Seam("mcp.server.session", "ServerSession._received_request", "mcp_v1_session:received_request", (1,)),
    Seam("mcp.server.lowlevel.server", "Server._handle_request", "mcp_v1:handle_request", (1,)),
    Seam("mcp.server.lowlevel.server", "Server._make_error_result", "mcp_v1:make_error_result", (1,)),
    Seam("mcp.server.fastmcp.tools.tool_manager", "ToolManager.call_tool", "registry:call_tool", (1,)),
    Seam("mcp.server.fastmcp.server", "FastMCP.read_resource", "components:read_resource", (1,)),
    Seam("mcp.server.fastmcp.server", "FastMCP.get_prompt", "components:get_prompt", (1,)),
    Seam("mcp.server.mcpserver.server", "MCPServer.read_resource", "components:read_resource", (2,)),
    Seam("mcp.server.mcpserver.server", "MCPServer.get_prompt", "components:get_prompt", (2,)),
    Seam("fastmcp.server.low_level", "MiddlewareServerSession._received_request", "mcp_v1_session:initialize", (2, 3)),
    Seam("mcp.server.experimental.request_context", "Experimental.run_task", "experimental:run_task", (1,)),
    Seam("mcp.shared.experimental.tasks.helpers", "cancel_task", "experimental:cancel_task", (1,), by_value=True),
    Seam("fastmcp.server.low_level", "LowLevelServer.run", "serving:server_run", (2, 3)),
    Seam("fastmcp.server.server", "FastMCP._call_tool_middleware", "fastmcp:call_tool", (2,)),
    Seam("fastmcp.server.server", "FastMCP.call_tool", "fastmcp:call_tool", (3, 4)),
    Seam("fastmcp.server.server", "FastMCP._read_resource_middleware", "components:read_resource", (2,)),
    Seam("fastmcp.server.server", "FastMCP._get_prompt_middleware", "components:get_prompt", (2,)),
    Seam("fastmcp.server.server", "FastMCP.read_resource", "components:read_resource", (3, 4)),
    Seam("fastmcp.server.server", "FastMCP.render_prompt", "components:get_prompt", (3, 4)),
    Seam("fastmcp.server.server", "FastMCP.get_tool", "fastmcp:look_up", (3, 4)),
    Seam("fastmcp.server.server", "FastMCP.get_prompt", "fastmcp:look_up", (3, 4)),
    Seam("fastmcp.server.server", "FastMCP.get_resource", "fastmcp:look_up", (3, 4)),
    Seam("fastmcp.server.server", "FastMCP._lookup_resource", "fastmcp:look_up", (3, 4), optional=True),
    Seam("fastmcp.server.server", "FastMCP.get_resource_template", "fastmcp:look_up", (3, 4)),
    Seam("fastmcp.server.server", "run_auth_checks", "fastmcp:auth_checks", (3, 4), optional=True),
    Seam("fastmcp.server.server", "server_span", "fastmcp:server_span", (3, 4)),
    Seam("fastmcp.tools.tool", "FunctionTool.run", "fastmcp:tool_run", (2,)),
    Seam("fastmcp.tools.function_tool", "FunctionTool.run", "fastmcp:tool_run", (3, 4)),
    Seam("fastmcp.server.tasks.keys", "build_task_key", "docket:build_task_key", (2, 3), by_value=True),
    Seam("fastmcp_tasks.keys", "build_task_key", "docket:build_task_key", by_value=True),
    Seam("fastmcp_tasks.input_loop", "reentrant_task_fn", "docket:reentrant_task_fn", by_value=True),
    Seam("docket.worker", "Worker._execute", "docket:execute"),
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
    problems: list[str]


_STATE: Final = _State()
_STATE.wrapped = []
_STATE.problems = []


def installed() -> bool:
    """Whether the seams are installed, in whatever kernel is or will be imported."""
    return bool(_ON)


def look() -> None:
    """Look at the installed kernel now, before it is imported; ``problems`` then tells of one that we do not know."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        if releases.major("mcp") is None:
            _missed(releases.unsupported("mcp"))


def problems() -> list[str]:
    """Why calls of a kernel that was imported are not audited, in words; empty where they are."""
    return list(_STATE.problems)


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
        except Exception as error:
            _LOGGER.exception("seams of %s not installed: MCP calls may NOT be audited", module.__name__)
            _missed(f"seams of {module.__name__} not installed ({type(error).__name__}: {error})")

    def _wrap_all(self, module: ModuleType) -> None:
        package = module.__name__.partition(".")[0]
        standing = dict.fromkeys(("mcp", package)) if package in releases.RELEASES else {}  # a framework, on its kernel
        majors = {name: releases.major(name) for name in standing}
        for name, major in majors.items():
            if major is None:
                _missed(releases.unsupported(name))
                return
        for seam in (seam for seam in SEAMS if seam.module == module.__name__):
            if not seam.majors or majors.get(package) in seam.majors:
                _wrap(module, seam)


def _missed(problem: str) -> None:
    """Note what is not audited; with ``ON_FAILURE=closed`` the process ends instead of serving so."""
    if problem not in _STATE.problems:
        _STATE.problems.append(problem)
    runtime = importlib.import_module("otel_mcp_audit.runtime")
    if runtime.RUNTIME.closed:
        runtime.refuse(problem)


def _wrap(module: ModuleType, seam: Seam) -> None:
    owner, _, name = seam.target.rpartition(".")
    if seam.optional and name not in getattr(getattr(module, owner, None) if owner else module, "__dict__", {}):
        return
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
