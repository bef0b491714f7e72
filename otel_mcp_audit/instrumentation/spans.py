"""The call's span: the kernel's own SERVER span enriched, one of ours only where there is none.

Never on a span that we write: arguments, results, e-mail addresses, exception texts, names that no server registered.
"""

import random
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, Final

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TracerProvider

from otel_mcp_audit import faults, semconv
from otel_mcp_audit.instrumentation.methods import CALL, METHODS
from otel_mcp_audit.opencall import OpenCall
from otel_mcp_audit.outcome import outcome
from otel_mcp_audit.projection import span_attributes

NATIVE_SCOPES: Final = frozenset({"mcp-python-sdk", "fastmcp", "docket.worker"})
"""Scopes of the spans that are a call's own: the kernels' SERVER spans, and what a worker opens for a task's run."""

UNKNOWN: Final = "request"
"""Name of a span for a method that MCP does not know."""

_PROPAGATED: Final = ("traceparent", "tracestate")


class _Tracing:
    """The tracer provider that ``instrument()`` was given; None is the global one."""

    provider: TracerProvider | None = None


TRACING: Final = _Tracing()


def parent(meta: Mapping[str, Any] | None, otherwise: Context) -> Context:
    """The context that a request's ``_meta`` names, if it names a valid one, else ``otherwise``."""
    carrier = {name: value for name in _PROPAGATED if isinstance(value := (meta or {}).get(name), str)}
    if "traceparent" not in carrier:
        return otherwise
    extracted = propagate.extract(carrier, context=otherwise)
    named = trace.get_current_span(extracted).get_span_context()
    return extracted if named.is_valid and named.is_remote else otherwise


Opening = Callable[[OpenCall, Context, SpanKind], AbstractContextManager[None]]
"""How a call comes by its span: ``own`` or ``native``."""


@contextmanager
def own(opened: OpenCall, within: Context, kind: SpanKind = SpanKind.SERVER) -> Generator[None]:
    """Open the call's span in ``within``, current for what the call does."""
    token = _start(opened, within, kind)
    try:
        yield
    finally:
        _finish(opened, token)


@faults.harmless("starting a span")
def _start(opened: OpenCall, within: Context, kind: SpanKind) -> object:
    _begin(opened, within, kind)
    # A span that is not written must not be a parent: what the call does would hang on nothing.
    return context.attach(trace.set_span_in_context(opened.span, within) if opened.owns_span else within)


def _begin(opened: OpenCall, within: Context, kind: SpanKind, start_ns: int | None = None) -> None:
    if _switched_off():
        opened.span = _unwritten(within)
        return
    tracer = trace.get_tracer(semconv.SCOPE, tracer_provider=TRACING.provider)
    method = opened.event.request.method or ""
    attributes: dict[str, str] = {semconv.MCP_METHOD: method} if method in METHODS else {}
    if method == CALL:
        attributes[semconv.GEN_AI_OPERATION] = semconv.EXECUTE_TOOL
    if opened.event.request.rpc_id is not None:
        attributes[semconv.JSONRPC_REQUEST_ID] = opened.event.request.rpc_id
    name = method if method in METHODS else UNKNOWN  # any text at all: not for a name
    opened.span = tracer.start_span(name, context=within, kind=kind, attributes=attributes, start_time=start_ns)
    opened.owns_span = True


def _switched_off() -> bool:
    """Whether fastmcp is told to open no span at all (``FASTMCP_TELEMETRY_MODE=off``): then nor do we."""
    return getattr(getattr(sys.modules.get("fastmcp"), "settings", None), "telemetry_mode", None) == "off"


def _unwritten(within: Context) -> NonRecordingSpan:
    """Ids for the record, in the trace that the caller names or in one of its own; nothing is written of it."""
    named = trace.get_current_span(within).get_span_context()
    trace_id = named.trace_id if named.is_valid else random.getrandbits(128) or 1
    return NonRecordingSpan(SpanContext(trace_id, random.getrandbits(64) or 1, is_remote=False))


@faults.harmless("ending a span")
def _finish(opened: OpenCall, token: Any) -> None:
    if token is not None:
        context.detach(token)
        opened.span.end()


@contextmanager
def native(opened: OpenCall, within: Context, kind: SpanKind = SpanKind.SERVER) -> Generator[None]:
    """Wait in ``within`` for the span that the framework opens for this call, see ``take``.

    Where it opens none (middleware refused, telemetry off) one of ours is made at the end, with the call's own times.
    """
    opened.begin_span = partial(_begin, opened, within, kind, time.time_ns())
    token = context.attach(within)
    try:
        yield
    finally:
        context.detach(token)
        _let_go(opened)


@faults.harmless("taking over a span")
def take(opened: OpenCall, span: Any) -> None:
    """Take a span that the framework has opened as the call's own, and keep it writable until the call has ended.

    The framework ends it when the tool has returned; the kernel may still refuse the tool's output, or read that the
    client has given up. The span's end time stays the framework's.
    """
    if span.get_span_context().is_valid:
        opened.span = _Held(span) if span.is_recording() else span


class _Held:
    """A span whose end is kept back."""

    def __init__(self, span: Any) -> None:
        self._span = span
        self._end = span.end
        self._ended_ns: int | None = None
        span.end = self._wait

    def __getattr__(self, name: str) -> Any:
        return getattr(self._span, name)

    def _wait(self, end_time: int | None = None) -> None:
        self._ended_ns = end_time or time.time_ns()

    def let_go(self) -> None:
        """Give the span its end back, and end it if it was to end."""
        del self._span.end
        if self._ended_ns is not None:
            self._end(self._ended_ns)


@faults.harmless("ending a span")
def _let_go(opened: OpenCall) -> None:
    if isinstance(opened.span, _Held):
        opened.span.let_go()
    elif opened.owns_span:
        opened.span.end()


@faults.harmless("adopting a span")
def adopt(opened: OpenCall) -> bool:
    """Take the current span as the call's own, if the kernel opened it for this call; answers whether it did.

    A span that does not record has no scope to tell it by. It is the kernel's, or one of ours would not record either;
    unless it is none, or the caller's, where the kernel is told to open no span of its own.
    """
    span = trace.get_current_span()
    identity, scope = span.get_span_context(), getattr(span, "instrumentation_scope", None)
    if not identity.is_valid or identity.is_remote or (scope is not None and scope.name not in NATIVE_SCOPES):
        return False
    opened.span = span
    return True


@faults.harmless("enriching a span")
def note(opened: OpenCall) -> None:
    """Tie record and span together, after the call is complete and before either is written."""
    if opened.span is None and opened.begin_span is not None:
        opened.begin_span()
    if opened.span is None:
        return
    identity = opened.span.get_span_context()
    if identity.is_valid:
        opened.event.request.trace_id = trace.format_trace_id(identity.trace_id)
        opened.event.request.span_id = trace.format_span_id(identity.span_id)
    if opened.span.is_recording():
        opened.span.set_attributes(span_attributes(opened.event))
        if opened.owns_span:
            _describe(opened)


def _describe(opened: OpenCall) -> None:
    event = opened.event
    if opened.registered and event.tool is not None:
        opened.span.update_name(f"{event.request.method} {event.tool}")
        opened.span.set_attribute(semconv.GEN_AI_TOOL, event.tool)
    if event.response.status_code is not None:
        opened.span.set_attribute(semconv.RPC_STATUS, str(event.response.status_code))
    if outcome(event.response.outcome).span_error:
        opened.span.set_attribute(semconv.ERROR_TYPE, event.response.error_type or event.response.outcome)
        opened.span.set_status(StatusCode.ERROR)
