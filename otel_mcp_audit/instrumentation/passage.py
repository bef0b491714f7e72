"""What those inside note of a request that is on its way to MCP: who refuses it gives the reason away here."""

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from importlib import import_module
from typing import Any, Final

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation import reasons
from otel_mcp_audit.instrumentation.answer import field, mapping

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]
Wrapped = Callable[..., Awaitable[Any]]
Scope = MutableMapping[str, Any]

KEY: Final = "otel_mcp_audit.passage"
"""Key of the ASGI scope under which a request's ``Passage`` travels with it."""


def _not_asked() -> None:
    """Nobody has looked a session up."""


class Passage:
    """One HTTP request on its way to MCP.

    Attributes:
        said: why it is refused, in the words of whoever refuses it.
        session_known: asks whether the session that it names exists; None where it names none.
        seen: whether the kernel has it: then the kernel's record is the one.
    """

    __slots__ = ("answered", "began_ns", "said", "seen", "session_known")

    def __init__(self) -> None:
        self.said: str | None = None
        self.session_known: Callable[[], bool | None] = _not_asked
        self.seen = False
        self.answered = False
        self.began_ns = time.perf_counter_ns()


def connection(scope: Scope) -> Any:
    """An ASGI scope as Starlette reads it."""
    return import_module("starlette.requests").HTTPConnection(scope)


def _at(args: Args, place: int) -> Any:
    return args[place] if len(args) > place else None


def _passage(scope: object) -> Passage | None:
    found = mapping(scope).get(KEY)
    return found if isinstance(found, Passage) else None


async def validate_request(wrapped: Wrapped, instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``TransportSecurityMiddleware.validate_request(request, is_post)``: answers the refusal, or None."""
    del instance
    refusal = await wrapped(*args, **kwargs)
    passage = _passage(field(_at(args, 0), "scope"))
    if refusal is not None and passage is not None:
        passage.said = reasons.SECURITY.get(int(refusal.status_code))
    return refusal


def validate_session(wrapped: Wrapped, instance: Any, args: Args, kwargs: Kwargs) -> Awaitable[Any]:
    """``StreamableHTTPServerTransport._validate_session(request, send)``: refuses what names no session, or another."""
    del instance
    return _validated("unknown_session", wrapped, args, kwargs)


def validate_version(wrapped: Wrapped, instance: Any, args: Args, kwargs: Kwargs) -> Awaitable[Any]:
    """``StreamableHTTPServerTransport._validate_protocol_version(request, send)`` of 1.x."""
    del instance
    return _validated("version", wrapped, args, kwargs)


async def _validated(why: str, wrapped: Wrapped, args: Args, kwargs: Kwargs) -> Any:
    """It sends its refusal itself: what it would refuse for is noted before, and taken back if it does not."""
    passage = _passage(field(_at(args, 0), "scope"))
    if passage is None:
        return await wrapped(*args, **kwargs)
    passage.said = why
    valid = await wrapped(*args, **kwargs)
    if valid:
        passage.said = None
    return valid


def write_rejection(wrapped: Wrapped, instance: Any, args: Args, kwargs: Kwargs) -> Awaitable[Any]:
    """``_write_rejection(rejection, request_id, scope, receive, send)`` of 2.x: an envelope is refused."""
    del instance
    passage = _passage(_at(args, 2))
    if passage is not None:
        passage.said = reasons.ENVELOPE.get(field(_at(args, 0), "code") or 0, "malformed")
    return wrapped(*args, **kwargs)


def serve_one(wrapped: Wrapped, instance: Any, args: Args, kwargs: Kwargs) -> Awaitable[Any]:
    """``serve_one(server, dctx, method, ...)`` of 2.x: the kernel has a request that brings its envelope."""
    del instance
    request = field(field(_at(args, 1), "message_metadata"), "request_context")
    passage = _passage(field(request, "scope"))
    if passage is not None:
        passage.seen = True
    return wrapped(*args, **kwargs)


def stateful(wrapped: Wrapped, instance: Any, args: Args, kwargs: Kwargs) -> Awaitable[Any]:
    """``StreamableHTTPSessionManager._handle_stateful_request(scope, receive, send)``: looks the session up."""
    passage = _passage(_at(args, 0))
    if passage is not None:
        passage.session_known = partial(_known, instance, _at(args, 0))
    return wrapped(*args, **kwargs)


@faults.harmless("looking up a session")
def _known(manager: Any, scope: Scope) -> bool | None:
    """Whether the session exists that a request names; one that was ended does not."""
    claimed = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"mcp-session-id"), None)
    if claimed is None:
        return None
    found = manager._server_instances.get(claimed)
    return found is not None and not getattr(found, "is_terminated", False)


def sse_session(wrapped: Wrapped, instance: Any, args: Args, kwargs: Kwargs) -> Awaitable[Any]:
    """``SseServerTransport.handle_post_message(scope, receive, send)``: the older transport looks its session up."""
    passage = _passage(_at(args, 0))
    if passage is not None:
        passage.session_known = partial(_known_to_sse, instance, _at(args, 0))
    return wrapped(*args, **kwargs)


@faults.harmless("looking up a session")
def _known_to_sse(transport: Any, scope: Scope) -> bool:
    claimed = connection(scope).query_params.get("session_id") or ""
    try:
        return uuid.UUID(hex=claimed) in transport._read_stream_writers
    except ValueError:
        return False
