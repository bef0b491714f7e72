"""Sessions of mcp 1.21 to 1.x: what is answered before the server sees it, ``initialize`` and what is refused."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import Any, Final, Self, get_args

from otel_mcp_audit import faults
from otel_mcp_audit.errors import NotRecorded
from otel_mcp_audit.instrumentation import answer, arrival, mcp_v1, releases, spans, watch
from otel_mcp_audit.instrumentation.methods import INITIALIZE
from otel_mcp_audit.opencall import Arrival, Ending

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]

INVALID_PARAMS: Final = -32602
INVALID: Final = Ending("invalid_request", "ValidationError", INVALID_PARAMS)
"""What becomes of a request whose envelope is not valid, or that comes too early."""

UNKNOWN: Final = Ending("not_found", str(INVALID_PARAMS), INVALID_PARAMS)
"""What becomes of a request whose method the kernel has no model for: it calls that not valid too."""


async def initialize(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``ServerSession._received_request(message)``, also the framework's: ``initialize`` is answered in there."""
    message, call = args[0], partial(wrapped, *args, **kwargs)
    if message.request.root.method != INITIALIZE or releases.left_alone(instance) or watch.passes(INITIALIZE):
        return await call()
    return await mcp_v1.audited(INITIALIZE, message, call, partial(_introduction, instance, message))


def _introduction(session: Any, message: Any) -> Arrival:
    """What is known when a session begins: what the client says of itself."""
    carrier, params = mcp_v1.carrier_of(message.message_metadata), message.request.root.params
    arrived = arrival.described(INITIALIZE, {}, message.request_id, carrier)
    arrived.server = arrival.named(session._init_options.server_name, session._init_options.server_version)
    arrival.introduce(arrived, params)
    return arrived


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

    refused: Callable[[], Awaitable[None]] | None = None

    async def send(self, item: Any) -> None:
        """Send as the kernel would."""
        refused, self.refused = self.refused, None
        if refused is not None:
            await refused()
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
        """Validate as the kernel would; the next that is sent is the answer to what is refused here."""
        try:
            return self._model.model_validate(given, *args, **kwargs)
        except Exception:
            method, params = given["method"], answer.mapping(given.get("params"))
            if not watch.passes(method):
                unknown = method not in (_methods(self._model) or (method,))
                refusal = UNKNOWN if unknown else INVALID
                message = self._messages.current
                self._answers.refused = partial(_refuse, refusal, self._session, method, params, message)
            raise


@cache
@faults.harmless("looking for the kernel's methods")
def _methods(model: Any) -> frozenset[str]:
    """The methods that the kernel knows, each by the one value that a request's ``method`` can have."""
    requests = get_args(model.model_fields["root"].annotation)
    return frozenset(name for each in requests for name in get_args(each.model_fields["method"].annotation))


async def received_request(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``ServerSession._received_request(message)``: a request before the session is initialised is refused here."""
    try:
        return await initialize(wrapped, instance, args, kwargs)
    except Exception:
        request = args[0].request.root
        if request.method != INITIALIZE and not releases.left_alone(instance) and not watch.passes(request.method):
            await _refuse(
                INVALID, instance, request.method, mcp_v1.fields(request.params), instance._read_stream.current
            )
        raise


async def _refuse(ending: Ending, session: Any, method: str, params: Mapping[str, Any], message: Any) -> None:
    """Record a request that is refused. There is no answer to withhold: it is a refusal already."""
    opened = None
    with suppress(NotRecorded):
        opened = watch.begin_at_once(method, _refused_arrival, session, method, params, message)
    if opened is not None:
        with spans.own(opened, mcp_v1.parent(None, mcp_v1.carrier_of(answer.field(message, "metadata")))):
            watch.end(opened, lambda _: ending)
        await watch.kept(opened, withhold=False)


def _refused_arrival(session: Any, method: str, params: Mapping[str, Any], message: Any) -> Arrival:
    rpc_id = answer.field(answer.field(message, "message"), "root").id
    request = mcp_v1.carrier_of(message.metadata)
    arrived = arrival.described(method, params, rpc_id, request)
    mcp_v1.claim(arrived, session, request)
    return arrived
