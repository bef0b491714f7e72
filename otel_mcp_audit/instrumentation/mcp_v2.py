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
from otel_mcp_audit.instrumentation import answer, arrival, raised, releases, spans, watch
from otel_mcp_audit.instrumentation.methods import INITIALIZE
from otel_mcp_audit.line import Agent
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall, current
from otel_mcp_audit.redaction import optional_text, text

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]

INVALID_PARAMS: Final = -32602
CLIENT_INFO: Final = "io.modelcontextprotocol/clientInfo"
KERNEL: Final = ("mcp.server.", "mcp_types.", "fastmcp.server.")
"""Where an envelope is looked at: what is raised there, no function of the application's has seen."""

NATIVE: Final = frozenset({"OpenTelemetryMiddleware", "FastMCPServerMiddleware"})
"""Middleware of the kernels that opens a SERVER span for each message."""


async def on_request(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``ServerRunner._on_request``: every transport's requests pass here, outside all middleware."""
    dispatched = _DISPATCHED.get()
    if dispatched is not None:
        dispatched.seen = True
    if len(args) != 3 or releases.left_alone(instance.server):  # noqa: PLR2004 -- dctx, method, params
        return await wrapped(*args, **kwargs)
    if _LOOKING.get() or watch.passes(args[1]):
        return await wrapped(*args, **kwargs)
    try:
        opened = await watch.begin(args[1], _arrival, instance, *args)
        if opened is None:
            return await wrapped(*args, **kwargs)
        opened.cancelled = args[0].cancel_requested.is_set
        inside = enrich in instance.server.middleware  # where there is a native span, the call's span is seen to there
        with watch.Scope(opened), nullcontext() if inside else spans.own(opened, _parent(args[2])):
            return await watch.watch(opened, lambda: wrapped(*args, **kwargs), answer.answered, failed)
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
        return answer.refused(opened, code)
    if type(error).__name__ == "ValidationError" and raised.place(error)[0].startswith(KERNEL):
        return Ending("invalid_request", "ValidationError", INVALID_PARAMS)
    return answer.failure(opened, error)


def _arrival(runner: Any, dctx: Any, method: str, params: Mapping[str, Any] | None) -> Arrival:
    given = answer.mapping(params)
    request = getattr(dctx.message_metadata, "request_context", None)
    arrived = arrival.described(method, given, dctx.request_id, request)
    connection = runner.connection
    arrived.request.protocol_version = optional_text(connection.protocol_version)
    arrived.request.session_id = optional_text(connection.session_id) or arrived.request.session_id
    arrived.agent = _agent(connection.client_params, given.get("_meta"))
    if method == INITIALIZE:  # what the connection will know of its client from now on
        arrival.introduce(arrived, given)
    arrived.server = arrival.server(runner.server)
    return arrived


def _agent(client_params: Any, meta: object) -> Agent:
    """The client as it names itself: once a connection, or in each request since 2026-07-28."""
    info = answer.field(client_params, "client_info") or answer.field(meta, CLIENT_INFO)
    return arrival.agent(info)


def _parent(params: Mapping[str, Any] | None) -> Any:
    return spans.parent(answer.field(params, "_meta"), context.get_current())


_LOOKING: Final[ContextVar[bool]] = ContextVar("otel_mcp_audit_looking", default=False)
"""Whether the kernel is asking the server something itself."""


async def look_up_schema(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``_tool_input_schema(...)``: before a call over HTTP, to check its headers, the kernel lists the tools.

    It does so in the client's name and through the same door; but the client has asked for no list.
    """
    del instance
    token = _LOOKING.set(True)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _LOOKING.reset(token)


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
    if opened is None or opened.span is not None or text(ctx.method) != opened.event.request.method:
        return await call_next(ctx)
    with nullcontext() if spans.adopt(opened) else spans.own(opened, _parent(ctx.params)):
        return await watch.watch(opened, lambda: call_next(ctx), answer.answered, failed)


# Requests that the dispatcher refuses before the runner sees them: wrong era, wrong envelope.


class _Dispatched:
    """One request at the dispatcher; ``seen`` once the runner has it, or its refusal is on record."""

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
            opened = await watch.begin(self.request.method, _refused_arrival, self.request, self.dctx)
        if opened is not None:
            with spans.own(opened, _parent(self.request.params)):
                watch.end(opened, lambda _: ending)
            await watch.kept(opened, withhold=False)


_DISPATCHED: Final[ContextVar[_Dispatched | None]] = ContextVar("otel_mcp_audit_dispatched", default=None)


async def dispatch(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``JSONRPCDispatcher._handle_request(request, dctx, scope, on_request)``: see to what never reaches the runner.

    Clients have such a dispatcher too, for what a server asks of them: that is none of ours.
    """
    del instance
    if not _of_a_server(args[3]) or releases.any_left_alone() or watch.passes(args[0].method):
        return await wrapped(*args, **kwargs)
    dispatched = _Dispatched(args[0], args[1])
    token = _DISPATCHED.set(dispatched)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _DISPATCHED.reset(token)
        if not dispatched.seen:  # nor was it answered
            await dispatched.refused(Ending("cancelled" if args[1].cancel_requested.is_set() else "disconnected"))


def _of_a_server(on_request: Any) -> bool:
    return str(getattr(on_request, "__module__", "")).startswith("mcp.server.")


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
    arrived = arrival.described(request.method, answer.mapping(request.params), request.id, carrier)
    arrived.agent = _agent(None, answer.field(request.params, "_meta"))
    return arrived
