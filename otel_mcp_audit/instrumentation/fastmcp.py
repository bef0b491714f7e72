"""Adapter for the framework fastmcp, 2.14 to 4.x: what its kernel's adapter cannot see from outside.

The record is the kernel's. From here comes why a call failed, what ``@audited`` says, that a component's ``auth``
refused (the wire says "Unknown tool"), and the calls that a server makes of its own tools outside any request.
"""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation import direct, spans, watch
from otel_mcp_audit.instrumentation.answer import field, mapping
from otel_mcp_audit.instrumentation.decorator import mark_of
from otel_mcp_audit.instrumentation.registry import FRAMEWORK_ERRORS
from otel_mcp_audit.line import Request, ServerInfo
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall, current
from otel_mcp_audit.record import Call
from otel_mcp_audit.redaction import optional_text, text

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
"""The name that the innermost server is looking up, as that server knows the tool."""


async def call_tool(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``FastMCP.call_tool(name, arguments, ...)``; on 2 ``FastMCP._call_tool_middleware(key, arguments)``.

    User middleware runs inside it, and so do mounted servers, each with a call of its own.
    """
    describe = partial(_arrival, instance, args, kwargs)
    return await direct.called(partial(wrapped, *args, **kwargs), describe, _observed, spans.native)


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
    name, names = type(error).__name__, _names(error)
    if name in NOT_FOUND:
        return opened.failure or Ending("unknown_tool")  # unless a component's auth has said why it is not found
    if "AuthorizationError" in names:
        return Ending("denied", name)
    if name == "ValidationError" and _raised_in(error, "fastmcp.tools."):
        return Ending("invalid_params", name)
    masked = error.__cause__ is not None and "ToolError" in names and _raised_in(error, "fastmcp.")
    return _of_the_tool((error.__cause__ if masked else None) or error)


def _of_the_tool(error: BaseException) -> Ending:
    if type(error).__name__ == BODY_ERROR and error.__cause__ is not None:
        return _of_the_tool(error.__cause__)
    if OWN_ERRORS & _names(error):
        return Ending("tool_error", "tool_error")
    if any(module.startswith("fastmcp.tools.") and function in OUTPUT for module, function in _frames(error)):
        return Ending("tool_error", "output_validation")
    if _raised_in(error, TRANSFORMED):
        return Ending("invalid_params", type(error).__name__)
    return Ending("exception", type(error).__name__)


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _raised_in(error: BaseException, package: str) -> bool:
    """Whether the code that raised it is the package's own; pydantic raises for whoever calls it."""
    raisers = [module for module, _ in _frames(error) if not module.startswith("pydantic.")]
    return bool(raisers) and raisers[-1].startswith(package)


def _frames(error: BaseException) -> Iterator[tuple[str, str]]:
    """Module and function of each frame that the exception came through, the outermost first."""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        yield str(frame.f_globals.get("__name__")), frame.f_code.co_name
        trace = trace.tb_next


def _arrival(server: Any, args: Args, kwargs: Kwargs) -> Arrival:
    """A call made in this process, without a request."""
    given = dict(zip(("name", "arguments"), args, strict=False)) | dict(kwargs)
    name = given.get("name", given.get("key"))
    return Arrival(
        call=Call(
            method=watch.CALL,
            tool=text(name) if isinstance(name, str) else None,
            arguments=mapping(given.get("arguments")),
        ),
        request=Request(id_source="generated", method=watch.CALL),
        server=ServerInfo(name=optional_text(field(server, "name")), version=optional_text(field(server, "version"))),
    )


async def get_tool(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``FastMCP.get_tool(name, version)``: which tool a component's auth is asked about."""
    del instance
    if current() is None:
        return await wrapped(*args, **kwargs)
    token = _ASKED.set(args[0] if args else kwargs.get("name"))
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _ASKED.reset(token)


async def component_auth(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``_component_auth_allows(component)``: where it says no, the framework goes on as if there were no such tool.

    Lists are filtered by it too, so only the tool that is being looked up counts; once it runs, what it asks for is its
    own affair.
    """
    del instance
    allowed = await wrapped(*args, **kwargs)
    opened = current()
    looked_up = field(args[0] if args else None, "name") == _ASKED.get()
    if opened is not None and looked_up and not allowed and not opened.registered:
        opened.failure = Ending("denied")
    return allowed


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
    if opened is None or opened.span is not None or method != watch.CALL:
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

    def __exit__(self, *raised: Any) -> Any:
        return self._native.__exit__(*raised)
