"""The call's span: the kernel's own SERVER span enriched, one of ours only where there is none.

Never on a span that we write: arguments, results, e-mail addresses, exception texts, names that no server registered.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode, TracerProvider

from otel_mcp_audit import faults, semconv
from otel_mcp_audit.opencall import OpenCall
from otel_mcp_audit.outcome import outcome
from otel_mcp_audit.projection import span_attributes

NATIVE_SCOPES: Final = frozenset({"mcp-python-sdk", "fastmcp"})
"""Instrumentation scopes under which the kernels open their own SERVER spans."""

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
    tracer = trace.get_tracer(semconv.SCOPE, tracer_provider=TRACING.provider)
    method = opened.event.request.method or ""
    attributes = {semconv.MCP_METHOD: method, semconv.GEN_AI_OPERATION: semconv.EXECUTE_TOOL}
    if opened.event.request.rpc_id is not None:
        attributes[semconv.JSONRPC_REQUEST_ID] = opened.event.request.rpc_id
    opened.span = tracer.start_span(method, context=within, kind=kind, attributes=attributes)
    opened.owns_span = True
    return context.attach(trace.set_span_in_context(opened.span, within))


@faults.harmless("ending a span")
def _finish(opened: OpenCall, token: Any) -> None:
    if token is not None:
        context.detach(token)
        opened.span.end()


@faults.harmless("adopting a span")
def adopt(opened: OpenCall) -> bool:
    """Take the current span as the call's own, if the kernel opened it for this call; answers whether it did.

    A span that does not record has no scope to tell it by. It is the kernel's, or one of ours would not record either.
    """
    span = trace.get_current_span()
    scope = getattr(span, "instrumentation_scope", None)
    if scope is not None and scope.name not in NATIVE_SCOPES:
        return False
    opened.span = span
    return True


@faults.harmless("enriching a span")
def note(opened: OpenCall) -> None:
    """Tie record and span together, after the call is complete and before either is written."""
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
