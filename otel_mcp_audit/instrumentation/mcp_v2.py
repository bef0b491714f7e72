"""Adapter for the kernel of mcp 2.x."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from contextvars import ContextVar
from importlib import import_module
from typing import Any, Final
from weakref import WeakSet

from opentelemetry import context

from otel_mcp_audit.auditor import INTERNAL_ERROR
from otel_mcp_audit.errors import NotRecorded
from otel_mcp_audit.instrumentation import answer, arrival, releases, spans, watch
from otel_mcp_audit.instrumentation.watch import CALL
from otel_mcp_audit.line import Agent
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall, current
from otel_mcp_audit.redaction import optional_text

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]

INVALID_PARAMS: Final = -32602
CLIENT_INFO: Final = "io.modelcontextprotocol/clientInfo"
NATIVE: Final = frozenset({"OpenTelemetryMiddleware", "FastMCPServerMiddleware"})
"""Middleware of the kernels that opens a SERVER span for each message."""


async def on_request(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``ServerRunner._on_request``: every transport's requests pass here, outside all middleware."""
    dispatched = _DISPATCHED.get()
    if dispatched is not None:
        dispatched.seen = True
    if len(args) != 3 or args[1] != CALL or current() is not None:  # noqa: PLR2004 -- dctx, method, params
        return await wrapped(*args, **kwargs)
    if releases.left_alone(instance.server):
        return await wrapped(*args, **kwargs)
    try:
        opened = watch.begin(_arrival, instance, args[0], args[2])
        if opened is None:
            return await wrapped(*args, **kwargs)
        opened.cancelled = args[0].cancel_requested.is_set
        inside = enrich in instance.server.middleware  # where there is a native span, the call's span is seen to there
        with watch.Scope(opened), nullcontext() if inside else spans.own(opened, _parent(args[2])):
            return await watch.watch(opened, lambda: wrapped(*args, **kwargs), answer.tool_result, failed)
    except NotRecorded as error:
        raise _protocol_error(error) from None


def _protocol_error(error: NotRecorded) -> Exception:
    """As the kernel's own exception for a JSON-RPC error."""
    made: Exception = import_module("mcp.shared.exceptions").MCPError(code=INTERNAL_ERROR, message=str(error))
    return made


def failed(opened: OpenCall, error: BaseException) -> Ending:
    """What an exception at the kernel's edge means: JSON-RPC errors travel as exceptions here."""
    code = getattr(getattr(error, "error", None), "code", None)
    if opened.cancelled() or not isinstance(error, Exception):
        return answer.failure(opened, error)
    if code is not None:
        return answer.protocol_error(code)
    if type(error).__name__ == "ValidationError" and str(getattr(error, "title", "")).startswith("CallToolRequest"):
        return Ending("invalid_request", "ValidationError", INVALID_PARAMS)
    return answer.failure(opened, error)


def _arrival(runner: Any, dctx: Any, params: Mapping[str, Any] | None) -> Arrival:
    given = answer.mapping(params)
    request = getattr(dctx.message_metadata, "request_context", None)
    arrived = arrival.described(CALL, given, dctx.request_id, request)
    connection = runner.connection
    arrived.request.protocol_version = optional_text(connection.protocol_version)
    arrived.request.session_id = optional_text(connection.session_id) or arrived.request.session_id
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
    with nullcontext() if spans.adopt(opened) else spans.own(opened, _parent(ctx.params)):
        return await watch.watch(opened, lambda: call_next(ctx), answer.tool_result, failed)


# Calls that the dispatcher refuses before the runner sees them: wrong era, wrong envelope.


class _Dispatched:
    """One tool call at the dispatcher; ``seen`` once the runner has it, or its refusal is on record."""

    __slots__ = ("dctx", "request", "seen")

    def __init__(self, request: Any, dctx: Any) -> None:
        self.request = request
        self.dctx = dctx
        self.seen = False

    async def refused(self, ending: Ending) -> None:
        """Record that it never reached the runner. There is no answer to withhold: it is a refusal already."""
        self.seen = True
        opened = None
        with suppress(NotRecorded):
            opened = watch.begin(_refused_arrival, self.request, self.dctx)
        if opened is not None:
            with spans.own(opened, _parent(self.request.params)):
                watch.end(opened, lambda _: ending)
            await watch.kept(opened, withhold=False)


_DISPATCHED: Final[ContextVar[_Dispatched | None]] = ContextVar("otel_mcp_audit_dispatched", default=None)


async def dispatch(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``JSONRPCDispatcher._handle_request``: see to a tool call that never reaches the runner."""
    del instance
    if args[0].method != CALL or releases.any_left_alone():
        return await wrapped(*args, **kwargs)
    dispatched = _Dispatched(args[0], args[1])
    token = _DISPATCHED.set(dispatched)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _DISPATCHED.reset(token)
        if not dispatched.seen:  # nor was it answered
            await dispatched.refused(Ending("cancelled" if args[1].cancel_requested.is_set() else "disconnected"))


async def write_error(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``JSONRPCDispatcher._write_error``: a refusal is on record before its answer leaves."""
    del instance
    dispatched = _DISPATCHED.get()
    if dispatched is not None and not dispatched.seen:
        code = getattr(args[1], "code", None) if len(args) > 1 else None
        await dispatched.refused(Ending("invalid_request", str(code), code))
    return await wrapped(*args, **kwargs)


def _refused_arrival(request: Any, dctx: Any) -> Arrival:
    carrier = getattr(dctx.message_metadata, "request_context", None)
    arrived = arrival.described(CALL, answer.mapping(request.params), request.id, carrier)
    arrived.agent = _agent(None, answer.field(request.params, "_meta"))
    return arrived
