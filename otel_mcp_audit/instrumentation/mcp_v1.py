"""Adapter for the kernel of mcp 1.21 to 1.x."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from typing import Any, Final

from opentelemetry import context
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from otel_mcp_audit import faults
from otel_mcp_audit.auditor import INTERNAL_ERROR
from otel_mcp_audit.errors import NotRecorded
from otel_mcp_audit.instrumentation import answer, arrival, releases, spans, watch
from otel_mcp_audit.instrumentation.registry import FRAMEWORK_ERRORS
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall, current
from otel_mcp_audit.redaction import optional_text

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]

UNEXPECTED: Final = 0
"""The kernel's own code for any exception that leaves a handler."""

_CONTEXT: Final = "otel_mcp_audit.context"
"""Key of the ASGI scope under which a request's own OTel context travels to the handler."""


def http_request(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``StreamableHTTPSessionManager.handle_request``: keep this request's context.

    The handlers of a stateful session run in the context of its first request, whose span has long ended.
    """
    del instance
    scope = args[0] if args else kwargs.get("scope")
    if isinstance(scope, dict):
        scope[_CONTEXT] = context.get_current()
    return wrapped(*args, **kwargs)


async def handle_request(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``Server._handle_request(message, request, session, ...)``: every valid request but ``initialize``."""
    call = partial(wrapped, *args, **kwargs)
    method = getattr(args[1], "method", "")
    if releases.left_alone(instance) or watch.passes(method):
        return await call()
    span = spans.native if _opens_spans(instance) else spans.own
    return await audited(method, args[0], call, partial(_arrival, instance, *args[:3]), span)


async def audited(
    method: str,
    message: Any,
    call: Callable[[], Awaitable[Any]],
    describe: Callable[[], Arrival],
    span: spans.Opening = spans.own,
) -> Any:
    """Let the kernel answer a message, with its record."""
    respond = message.respond
    try:
        opened = await watch.begin(method, describe)
        if opened is None:
            return await call()
        opened.cancelled = lambda: bool(message.cancelled)
        message.respond = _recording(opened, respond)
        within = parent(message.request_meta, carrier_of(message.message_metadata))
        with watch.Scope(opened), span(opened, within, SpanKind.SERVER):
            return await watch.watch(opened, call, _unanswered, answer.failure)
    except NotRecorded as error:
        if not message._completed:  # else the answer was withheld where it was given
            with nullcontext() if message._entered else message:
                await respond(_protocol_error(error))


def _opens_spans(server: Any) -> bool:
    """Whether the framework on this kernel opens SERVER spans itself, as fastmcp does since 3."""
    return type(server).__module__.startswith("fastmcp.") and "fastmcp.server.telemetry" in sys.modules


def _recording(opened: OpenCall, respond: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The record is kept before the answer's bytes leave, or they do not."""

    async def recorded(response: Any) -> Any:
        watch.end(opened, _answered, response)
        try:
            await watch.kept(opened)
        except NotRecorded as error:
            response = _protocol_error(error)
        return await respond(response)

    return recorded


def _protocol_error(error: NotRecorded) -> Any:
    return import_module("mcp.types").ErrorData(code=INTERNAL_ERROR, message=str(error))


def make_error_result(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``Server._make_error_result(text)``: a low-level server's failure becomes text while its exception is at hand."""
    opened = current()
    if opened is not None and opened.failure is None and not opened.depth:
        _note_failure(opened, instance, sys.exception(), args[0] if args else "")
    return wrapped(*args, **kwargs)


@faults.harmless("classifying a failure")
def _note_failure(opened: OpenCall, server: Any, error: BaseException | None, said: str) -> None:
    opened.failure = _failure(error, said, listed=_listed(server, opened))


def _failure(error: BaseException | None, said: str, *, listed: bool) -> Ending:
    """The kernel's own words count only together with the exception that it alone raises there."""
    name = type(error).__name__
    by_schema = name == "ValidationError" and type(error).__module__.startswith("jsonschema")
    if error is None or (by_schema and said.startswith("Output validation error: ")):
        return Ending("tool_error", "output_validation")
    if by_schema and said.startswith("Input validation error: "):
        return Ending("invalid_params", name)
    if not listed:
        return Ending("unknown_tool")
    return Ending("tool_error", "tool_error") if name in FRAMEWORK_ERRORS else Ending("exception", name)


def _listed(server: Any, opened: OpenCall) -> bool:
    """Whether the server lists a tool of this name; one that lists none has no registry to ask."""
    cache = server._tool_cache
    return not cache or opened.event.tool in cache


def _arrival(server: Any, message: Any, request: Any, session: Any) -> Arrival:
    carrier = carrier_of(message.message_metadata)
    arrived = arrival.described(request.method, fields(request.params), message.request_id, carrier)
    arrived.server = arrival.server(server)
    claim(arrived, session, carrier)
    return arrived


def fields(model: Any) -> dict[str, Any]:
    """A request's parameters by their names, each still a model where the kernel has made one of it."""
    return {} if model is None else dict(model)


def claim(arrived: Arrival, session: Any, request: Any) -> None:
    """What is known since the session began; nothing without one, where the header would be any text at all."""
    claimed = session.client_params
    if claimed is not None:
        if arrived.request.session_id is None and request is not None:
            arrived.request.session_id = optional_text(request.headers.get("mcp-session-id"))
        arrived.agent = arrival.agent(claimed.clientInfo)
        arrived.request.protocol_version = optional_text(str(claimed.protocolVersion))


def carrier_of(metadata: Any) -> Any:
    """The HTTP request that carried a message, or None."""
    return getattr(metadata, "request_context", None)


def parent(meta: Any, request: Any) -> Context:
    """What ``_meta`` names, else this HTTP request's own context, else the ambient one where there is no request."""
    own = context.get_current() if request is None else request.scope.get(_CONTEXT, Context())
    return spans.parent(getattr(meta, "model_extra", None), own)


def _answered(opened: OpenCall, response: Any) -> Ending:
    result = getattr(response, "root", response)
    code = getattr(result, "code", None)
    if code is None:
        return answer.answered(opened, result)
    if code == UNEXPECTED and opened.failure is None:
        return Ending("exception", str(code), code)
    return answer.refused(opened, code)


def _unanswered(opened: OpenCall, result: object) -> Ending:
    """The handler came back and nothing was answered."""
    del result
    return Ending("cancelled" if opened.cancelled() else "disconnected")
