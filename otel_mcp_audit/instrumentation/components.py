"""Resources and prompts of both frameworks, the SDK's and fastmcp: why a read failed, and reads without a request."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation import arrival, direct, raised, spans
from otel_mcp_audit.instrumentation.methods import GET, READ
from otel_mcp_audit.opencall import Ending, OpenCall

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]

NOT_FOUND: Final = frozenset({"ResourceNotFoundError", "NotFoundError", "DisabledError"})
"""The frameworks' own words for it."""

OWN_ERRORS: Final = frozenset({"FastMCPError", "ResourceError", "PromptError", "McpError", "MCPError"})
"""How a resource or prompt says "error" in a framework's own way: these and what is derived from them."""

AT_THE_CALL: Final = frozenset({"render", "read", "create_resource", "_convert_string_arguments"})
"""The frameworks' functions that take what the client gave and call the function with it."""

CONVERTED: Final = ("pydantic.type_adapter", "validate_python")
"""Where the SDK looks at what a prompt has returned, in the same function."""


async def read_resource(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``read_resource(uri, ...)`` of either ``FastMCP`` and of ``MCPServer``; on fastmcp 2 what stands behind it."""
    return await _called(READ, wrapped, instance, args, kwargs)


async def get_prompt(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``get_prompt(name, arguments, ...)`` of the SDK; ``render_prompt`` of fastmcp, on 2 what stands behind it."""
    return await _called(GET, wrapped, instance, args, kwargs)


class _Asked(NamedTuple):
    """What a server is asked for, and the framework's package; it ends in a dot."""

    method: str
    server: Any
    given: Kwargs
    package: str


async def _called(method: str, wrapped: Callable[..., Any], server: Any, args: Args, kwargs: Kwargs) -> Any:
    names = ("uri",) if method == READ else ("name", "arguments")
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    asked = _Asked(method, server, given, f"{wrapped.__module__.partition('.')[0]}.")
    return await direct.called(
        method,
        partial(wrapped, *args, **kwargs),
        lambda: arrival.in_process(method, given, arrival.server(server)),
        partial(_observed, asked),
        spans.native if asked.package == "fastmcp." else spans.own,
    )


async def _observed(asked: _Asked, opened: OpenCall, call: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await call()
    except Exception as error:
        opened.failure = _failure(asked, opened, error)
        raise


@faults.harmless("classifying a failure")
def _failure(asked: _Asked, opened: OpenCall, error: Exception) -> Ending:
    """Who failed: the caller, the framework's authorisation, the function in its own words, or the function's code."""
    names = raised.names(error)
    if NOT_FOUND & names or (asked.package == "mcp." and not _has(asked)):
        return opened.failure or Ending("not_found")  # unless a component's auth has said why it is not found
    if "AuthorizationError" in names:
        return Ending("denied", type(error).__name__)
    inner = raised.beneath(error, asked.package)
    module, function = raised.place(inner)
    takes = module.startswith(asked.package) and not module.startswith("fastmcp.server.") and function in AT_THE_CALL
    if takes and CONVERTED not in _after(inner, function):
        return Ending("invalid_params", type(inner).__name__)
    said = bool(OWN_ERRORS & raised.names(inner))
    return Ending("protocol_error" if said else "exception", type(inner).__name__)


def _after(error: BaseException, function: str) -> list[tuple[str, str]]:
    """What the frame of ``render`` led to; the other functions convert arguments by the same means."""
    return list(raised.frames(error)) if function == "render" else []


def _has(asked: _Asked) -> bool:
    """Whether the SDK's server has what was asked for; it raises the same error for what it has not and what fails."""
    if asked.method == GET:
        return asked.server._prompt_manager.get_prompt(asked.given.get("name")) is not None
    uri, manager = str(asked.given.get("uri")), asked.server._resource_manager
    return any(str(resource.uri) == uri for resource in manager.list_resources()) or any(
        template.matches(uri) is not None for template in manager.list_templates()
    )
