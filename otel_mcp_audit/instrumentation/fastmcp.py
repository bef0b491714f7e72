"""Adapter for the framework fastmcp, 2.14 to 4.x: what its kernel's adapter cannot see from outside.

The record is the kernel's. From here comes why a call failed, what ``@audited`` says, that a component's ``auth``
refused (the wire says "Unknown tool"), and the calls that a server makes of its own tools outside any request.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation import arrival, direct, raised, spans
from otel_mcp_audit.instrumentation.answer import field, mapping
from otel_mcp_audit.instrumentation.decorator import mark_of
from otel_mcp_audit.instrumentation.methods import CALL
from otel_mcp_audit.instrumentation.registry import FRAMEWORK_ERRORS
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall, current

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]

NOT_FOUND: Final = frozenset({"NotFoundError", "DisabledError"})
OWN_ERRORS: Final = FRAMEWORK_ERRORS | {"FastMCPError"}
"""How a tool says "error" in the framework's own way: these and what is derived from them."""

BODY_ERROR: Final = "_ToolBodyError"
"""How fastmcp 4 marks what a tool's body raised."""

OUTPUT: Final = frozenset({"convert_result", "__init__"})
"""Functions of ``fastmcp.tools`` that look at what a tool has returned: since 3 a step, on 2 the result's making."""

TRANSFORMED: Final = "fastmcp.tools.tool_transform"
"""Where a transformed tool refuses arguments."""

_ASKED: Final[ContextVar[str | None]] = ContextVar("otel_mcp_audit_asked", default=None)
"""The name or URI that the innermost server is looking up, as that server knows the component."""


async def call_tool(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``FastMCP.call_tool(name, arguments, ...)``; on 2 ``FastMCP._call_tool_middleware(key, arguments)``.

    User middleware runs inside it, and so do mounted servers, each with a call of its own.
    """
    describe = partial(_arrival, instance, args, kwargs)
    return await direct.called(CALL, partial(wrapped, *args, **kwargs), describe, _observed, spans.native)


async def _observed(opened: OpenCall, call: Callable[[], Any]) -> Any:
    try:
        return await call()
    except Exception as error:
        opened.failure = _failure(opened, error)
        raise


@faults.harmless("classifying a failure")
def _failure(opened: OpenCall, error: Exception) -> Ending:
    """Who failed: the caller, the framework's authorisation, the tool in its own words, or the tool's code.

    What the framework itself raises is told from what a tool raises by where it was raised, never by its text.
    """
    name, names = type(error).__name__, raised.names(error)
    if name in NOT_FOUND:
        return opened.failure or Ending("unknown_tool")  # unless a component's auth has said why it is not found
    if "AuthorizationError" in names:
        return Ending("denied", name)
    if name == "ValidationError" and raised.by(error, "fastmcp.tools."):
        return Ending("invalid_params", name)
    masked = error.__cause__ is not None and "ToolError" in names and raised.by(error, "fastmcp.")
    return _of_the_tool((error.__cause__ if masked else None) or error)


def _of_the_tool(error: BaseException) -> Ending:
    if type(error).__name__ == BODY_ERROR and error.__cause__ is not None:
        return _of_the_tool(error.__cause__)
    if OWN_ERRORS & raised.names(error):
        return Ending("tool_error", "tool_error")
    if any(module.startswith("fastmcp.tools.") and function in OUTPUT for module, function in raised.frames(error)):
        return Ending("tool_error", "output_validation")
    if raised.by(error, TRANSFORMED):
        return Ending("invalid_params", type(error).__name__)
    return Ending("exception", type(error).__name__)


def _arrival(server: Any, args: Args, kwargs: Kwargs) -> Arrival:
    """A call made in this process, without a request; on 2 a tool's name is its ``key``."""
    given = dict(zip(("name", "arguments"), args, strict=False)) | dict(kwargs)
    return arrival.in_process(CALL, {"name": given.get("key"), **given}, arrival.server(server))


async def look_up(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``FastMCP.get_tool(name, ...)`` and its like: what a component's auth is asked about."""
    del instance
    if current() is None:
        return await wrapped(*args, **kwargs)
    token = _ASKED.set(args[0] if args else kwargs.get("name", kwargs.get("uri")))
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _ASKED.reset(token)


async def auth_checks(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``run_auth_checks(checks, ctx)``: where it says no, the framework goes on as if there were no such component.

    Lists are filtered by it too, so only what is being looked up counts; once a tool runs, what it asks for is its own
    affair.
    """
    del instance
    try:
        allowed = await wrapped(*args, **kwargs)
    except Exception:
        _denied(args)
        raise
    if not allowed:
        _denied(args)
    return allowed


@faults.harmless("looking up a component")
def _denied(args: Args) -> None:
    opened = current()
    if opened is not None and not opened.registered and _is_asked(field(args[1], "component")):
        opened.failure = Ending("denied")


def _is_asked(component: Any) -> bool:
    asked = _ASKED.get()
    template = field(component, "uri_template")
    if template is not None and asked is not None:
        return component.matches(asked) is not None
    return asked in {field(component, "name"), str(field(component, "uri"))}


def tool_run(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``FunctionTool.run(arguments)``: the function that the call has led to, perhaps through mounted servers."""
    opened = current()
    if opened is not None and not opened.registered:
        _found(opened, instance, args[0] if args else kwargs.get("arguments"))
    return wrapped(*args, **kwargs)


@faults.harmless("looking up a tool")
def _found(opened: OpenCall, tool: Any, arguments: object) -> None:
    opened.registered = True
    opened.failure = None  # if anything was refused, it was another version
    mark = mark_of(tool.fn)
    if mark is not None:
        opened.apply(mark, mapping(arguments))


def server_span(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``server_span(name, method, ...)``: the framework's own SERVER span; the first of a call is the call's own.

    Others are opened inside it: by mounted servers, and for the list of tools that the kernel may ask for first.
    """
    del instance
    opened = current()
    native = wrapped(*args, **kwargs)
    method = args[1] if len(args) > 1 else kwargs.get("method")
    if opened is None or opened.span is not None or method != opened.event.request.method:
        return native
    return _Adopting(opened, native)


class _Adopting:
    """A context manager's double that hands over the span which it yields."""

    def __init__(self, opened: OpenCall, native: Any) -> None:
        self._opened = opened
        self._native = native

    def __enter__(self) -> Any:
        span = self._native.__enter__()
        spans.take(self._opened, span)
        return span

    def __exit__(self, *error: Any) -> Any:
        return self._native.__exit__(*error)
