"""Adapter for the kernel of mcp 2.x."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakSet

from opentelemetry import context

from otel_mcp_audit.instrumentation import answer, arrival, spans, watch
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall, current
from otel_mcp_audit.record import Agent
from otel_mcp_audit.redaction import optional_text

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]

CALL: Final = "tools/call"
CLIENT_INFO: Final = "io.modelcontextprotocol/clientInfo"
NATIVE: Final = frozenset({"OpenTelemetryMiddleware", "FastMCPServerMiddleware"})
"""Middleware of the kernels that opens a SERVER span for each message."""


async def on_request(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``ServerRunner._on_request``: every transport's requests pass here, outside all middleware."""
    dispatched = _DISPATCHED.get()
    if dispatched is not None:
        dispatched.reached = True
    if len(args) != 3 or args[1] != CALL or current() is not None:  # noqa: PLR2004 -- dctx, method, params
        return await wrapped(*args, **kwargs)
    opened = watch.begin(_arrival, instance, args[0], args[2])
    if opened is None:
        return await wrapped(*args, **kwargs)
    opened.cancelled = args[0].cancel_requested.is_set
    span = nullcontext() if _has_native_span(instance.server) else spans.own(opened, _parent(args[2]))
    with watch.Scope(opened), span:
        return await watch.watch(opened, wrapped(*args, **kwargs), answer.tool_result, failed)


def failed(opened: OpenCall, error: BaseException) -> Ending:
    """What an exception at the kernel's edge means."""
    given_up = answer.unanswered(opened, error)
    if given_up is not None:
        return given_up
    name = type(error).__name__
    code = getattr(getattr(error, "error", None), "code", None)
    if code is not None:
        return answer.protocol_error(code)
    if name == "ValidationError" and str(getattr(error, "title", "")).startswith("CallToolRequest"):
        return Ending("invalid_request", name, -32602)
    return Ending("exception", name)


def _arrival(runner: Any, dctx: Any, params: Mapping[str, Any] | None) -> Arrival:
    given = answer.mapping(params)
    request = getattr(dctx.message_metadata, "request_context", None)
    arrived = arrival.described(CALL, given, dctx.request_id, request)
    connection = runner.connection
    arrived.request.protocol_version = optional_text(connection.protocol_version)
    arrived.request.session_id = optional_text(connection.session_id)
    arrived.agent = _agent(connection.client_params, given.get("_meta"))
    arrived.server = arrival.server(runner.server)
    return arrived


def _agent(client_params: Any, meta: object) -> Agent:
    """The client as it names itself: once a connection, or in each request since 2026-07-28."""
    info = answer.field(client_params, "client_info") or answer.field(meta, CLIENT_INFO)
    return arrival.agent(info)


def _parent(params: Mapping[str, Any] | None) -> Any:
    return spans.parent(answer.field(params, "_meta"), context.get_current())


# The native span: only from inside the kernel's own middleware can it be seen, and only before it ends.

_SERVERS: Final[WeakSet[Any]] = WeakSet()


def runner_init(wrapped: Callable[..., None], instance: Any, args: Args, kwargs: Kwargs) -> None:
    """``ServerRunner.__init__``: put ``enrich`` right inside the middleware that opens the native span."""
    wrapped(*args, **kwargs)
    middleware = instance.server.middleware
    if enrich not in middleware:
        native = [place for place, item in enumerate(middleware) if type(item).__name__ in NATIVE]
        if native:
            middleware.insert(native[-1] + 1, enrich)
            _SERVERS.add(instance.server)


def forget_servers() -> None:
    """Take ``enrich`` out of every server again."""
    for server in list(_SERVERS):
        server.middleware[:] = [item for item in server.middleware if item is not enrich]
    _SERVERS.clear()


async def enrich(ctx: Any, call_next: Callable[[Any], Any]) -> Any:
    """Server middleware: adopt the native span, and end the call while that span can still be written to."""
    opened = current()
    if opened is None or opened.span is not None or ctx.method != CALL:
        return await call_next(ctx)
    spans.adopt(opened)
    return await watch.watch(opened, call_next(ctx), answer.tool_result, failed)


def _has_native_span(server: Any) -> bool:
    return any(type(item).__name__ in NATIVE for item in server.middleware)


# Calls that the dispatcher refuses before the runner sees them: wrong era, wrong envelope.


class _Dispatched:
    """One request at the dispatcher: did the runner see it, and with what was it answered if not."""

    reached = False
    code: int | None = None


_DISPATCHED: Final[ContextVar[_Dispatched | None]] = ContextVar("otel_mcp_audit_dispatched", default=None)


async def dispatch(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``JSONRPCDispatcher._handle_request``: note a tool call that is answered without reaching the runner."""
    del instance
    request = args[0]
    if request.method != CALL:
        return await wrapped(*args, **kwargs)
    dispatched = _Dispatched()
    token = _DISPATCHED.set(dispatched)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _DISPATCHED.reset(token)
        if not dispatched.reached:
            _refused(request, args[1], dispatched)


def write_error(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``JSONRPCDispatcher._write_error``: the code a refused call is answered with."""
    del instance
    dispatched = _DISPATCHED.get()
    if dispatched is not None and len(args) > 1:
        dispatched.code = getattr(args[1], "code", None)
    return wrapped(*args, **kwargs)


def _refused(request: Any, dctx: Any, dispatched: _Dispatched) -> None:
    opened = watch.begin(_refused_arrival, request, dctx)
    if opened is None:
        return
    with spans.own(opened, _parent(request.params)):
        watch.end(opened, lambda _: Ending("invalid_request", str(dispatched.code), dispatched.code))


def _refused_arrival(request: Any, dctx: Any) -> Arrival:
    carrier = getattr(dctx.message_metadata, "request_context", None)
    arrived = arrival.described(CALL, answer.mapping(request.params), request.id, carrier)
    arrived.agent = _agent(None, answer.field(request.params, "_meta"))
    return arrived
