"""Adapter for the kernel of mcp 1.21 to 1.x."""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, Self

from opentelemetry import context
from opentelemetry.context import Context

from otel_mcp_audit import faults
from otel_mcp_audit.auditor import INTERNAL_ERROR
from otel_mcp_audit.errors import NotRecorded
from otel_mcp_audit.instrumentation import answer, arrival, releases, spans, watch
from otel_mcp_audit.instrumentation.registry import FRAMEWORK_ERRORS
from otel_mcp_audit.instrumentation.watch import CALL
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall, current
from otel_mcp_audit.redaction import optional_text

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]

INVALID_PARAMS: Final = -32602

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
    """``Server._handle_request(message, request, session, ...)``: every valid request of every transport."""
    if len(args) < 3 or type(args[1]).__name__ != "CallToolRequest" or current() is not None:  # noqa: PLR2004 -- as named
        return await wrapped(*args, **kwargs)
    if releases.left_alone(instance):
        return await wrapped(*args, **kwargs)
    message = args[0]
    respond = message.respond
    try:
        opened = watch.begin(_arrival, instance, *args[:3])
        if opened is None:
            return await wrapped(*args, **kwargs)
        opened.cancelled = lambda: bool(message.cancelled)
        message.respond = _recording(opened, respond)
        span = spans.native if _opens_spans(instance) else spans.own
        with watch.Scope(opened), span(opened, _parent(message.request_meta, _request(message.message_metadata))):
            return await watch.watch(opened, lambda: wrapped(*args, **kwargs), _unanswered, answer.failure)
    except NotRecorded as error:
        if not message._completed:  # else the answer was withheld where it was given
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
    params = {"name": request.params.name, "arguments": request.params.arguments}
    arrived = arrival.described(CALL, params, message.request_id, _request(message.message_metadata))
    arrived.server = arrival.server(server)
    _claim(arrived, session, _request(message.message_metadata))
    return arrived


def _claim(arrived: Arrival, session: Any, request: Any) -> None:
    """What is known since the session began; nothing without one, where the header would be any text at all."""
    claimed = session.client_params
    if claimed is not None:
        if arrived.request.session_id is None and request is not None:
            arrived.request.session_id = optional_text(request.headers.get("mcp-session-id"))
        arrived.agent = arrival.agent(claimed.clientInfo)
        arrived.request.protocol_version = optional_text(str(claimed.protocolVersion))


def _request(metadata: Any) -> Any:
    return getattr(metadata, "request_context", None)


def _parent(meta: Any, request: Any) -> Context:
    """What ``_meta`` names, else this HTTP request's own context, else the ambient one where there is no request."""
    own = context.get_current() if request is None else request.scope.get(_CONTEXT, Context())
    return spans.parent(getattr(meta, "model_extra", None), own)


def _answered(opened: OpenCall, response: Any) -> Ending:
    result = getattr(response, "root", response)
    code = getattr(result, "code", None)
    return answer.tool_result(opened, result) if code is None else answer.protocol_error(code)


def _unanswered(opened: OpenCall, result: object) -> Ending:
    """The handler came back and nothing was answered."""
    del result
    return Ending("cancelled" if opened.cancelled() else "disconnected")


# Requests that are refused before the server sees them: not valid, or before the session is initialised.


def session_init(wrapped: Callable[..., None], instance: Any, args: Args, kwargs: Kwargs) -> None:
    """``ServerSession.__init__``: see the messages of this session come in and be validated."""
    wrapped(*args, **kwargs)
    if releases.left_alone(instance):
        return
    instance._read_stream = messages = _Messages(instance._read_stream)
    instance._write_stream = answers = _Answers(instance._write_stream)
    instance._receive_request_type = _Validator(instance, instance._receive_request_type, messages, answers)


class _Stream:
    """A stream of a session, seen through."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> Any:
        return await self._stream.__aexit__(*exc)


class _Answers(_Stream):
    """A session's write stream that holds a refusal's answer until its record is safe."""

    refused: OpenCall | None = None

    async def send(self, item: Any) -> None:
        """Send as the kernel would."""
        refused, self.refused = self.refused, None
        if refused is not None:
            await watch.kept(refused, withhold=False)
        await self._stream.send(item)


class _Messages(_Stream):
    """A session's read stream that remembers the message in hand."""

    current: Any = None

    def __aiter__(self) -> "_Messages":
        return self

    async def __anext__(self) -> Any:
        self.current = await self._stream.__anext__()
        return self.current


class _Validator:
    """The kernel's request model, which answers an invalid envelope by itself."""

    def __init__(self, session: Any, model: Any, messages: _Messages, answers: _Answers) -> None:
        self._session = session
        self._model = model
        self._messages = messages
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def model_validate(self, given: Any, *args: Any, **kwargs: Any) -> Any:
        """Validate as the kernel would, and record a tool call that is refused here."""
        try:
            return self._model.model_validate(given, *args, **kwargs)
        except Exception:
            if answer.field(given, "method") == CALL:
                params = answer.field(given, "params")
                self._answers.refused = _refused(self._session, params, self._messages.current)
            raise


async def received_request(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``ServerSession._received_request``: a call before the session is initialised is refused here."""
    try:
        return await wrapped(*args, **kwargs)
    except Exception:
        request = args[0].request.root
        if type(request).__name__ == "CallToolRequest" and not releases.left_alone(instance):
            opened = _refused(instance, _fields(request.params), instance._read_stream.current)
            if opened is not None:
                await watch.kept(opened, withhold=False)
        raise


def _fields(model: Any) -> dict[str, Any]:
    return {"name": model.name, "arguments": model.arguments}


def _refused(session: Any, params: object, message: Any) -> OpenCall | None:
    """Record a call that was refused; there is no answer to withhold: it is a refusal already."""
    opened = None
    with suppress(NotRecorded):
        opened = watch.begin(_refused_arrival, session, params, message)
    if opened is not None:
        with spans.own(opened, _parent(None, _request(answer.field(message, "metadata")))):
            watch.end(opened, lambda _: Ending("invalid_request", "ValidationError", INVALID_PARAMS))
    return opened


def _refused_arrival(session: Any, params: object, message: Any) -> Arrival:
    rpc_id = answer.field(answer.field(message, "message"), "root").id
    request = _request(message.metadata)
    arrived = arrival.described(CALL, answer.mapping(params), rpc_id, request)
    _claim(arrived, session, request)
    return arrived
