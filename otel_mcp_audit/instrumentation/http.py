"""HTTP requests that are refused before MCP sees them: the record is kept before the refusal's first byte leaves.

Whatever stands around MCP's own endpoints is an ASGI application, and several of them see one request: the outermost
notes on the ASGI scope that it watches. Its status is all that is looked at of an answer, and no body is read.
"""

import time
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any, Final

from opentelemetry import trace

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation import http_request, methods, reasons, releases, watch
from otel_mcp_audit.instrumentation import passage as passages
from otel_mcp_audit.instrumentation.http_request import HttpRequest
from otel_mcp_audit.instrumentation.passage import Args, Kwargs, Passage, Scope, Wrapped
from otel_mcp_audit.instrumentation.reasons import Noted
from otel_mcp_audit.line import Refusal, Request
from otel_mcp_audit.opencall import Arrival
from otel_mcp_audit.record import Call
from otel_mcp_audit.redaction import optional_text
from otel_mcp_audit.refusals import Refused
from otel_mcp_audit.runtime import RUNTIME

_ENDPOINTS: Final = frozenset({"mcp", "fastmcp"})
"""Packages whose endpoints are MCP's."""


# Around MCP's endpoints.


def guard(wrapped: Wrapped, instance: Any, args: Args, kwargs: Kwargs) -> Awaitable[Any]:
    """An ASGI application in front of MCP: whatever it refuses is on record.

    uvicorn calls one without arguments, to see whether it is a factory.
    """
    del instance
    scope = _arriving(args)
    if scope is None or passages.KEY in scope:
        return wrapped(*args, **kwargs)
    passage = scope[passages.KEY] = Passage()
    return _watched(wrapped, passage, args)


def route(wrapped: Wrapped, instance: Any, args: Args, kwargs: Kwargs) -> Awaitable[Any]:
    """``Route.handle(scope, receive, send)`` of Starlette: of a route that leads to MCP."""
    return guard(wrapped, instance, args, kwargs) if _leads_to_mcp(instance) else wrapped(*args, **kwargs)


def _leads_to_mcp(found: Any) -> bool:
    """Whether the endpoint is the kernel's or the framework's own; those of OAuth are not MCP."""
    endpoint = getattr(found, "endpoint", None)
    module = str(getattr(endpoint, "__module__", ""))
    if module.partition(".")[0] not in _ENDPOINTS:
        return False
    return ".auth." not in module or type(endpoint).__name__ == "RequireAuthMiddleware"


def host_guard(wrapped: Wrapped, instance: Any, args: Args, kwargs: Kwargs) -> Awaitable[Any]:
    """``HostOriginGuardMiddleware`` of fastmcp: it stands around all of an application, of which MCP is a part."""
    del instance
    scope = _arriving(args)
    if scope is None or passages.KEY in scope:
        return wrapped(*args, **kwargs)
    return _guarded(wrapped, Passage(), args)


def _arriving(args: Args) -> Scope | None:
    """The ASGI scope of an HTTP request that is to be watched."""
    if len(args) != 3 or releases.any_left_alone():  # noqa: PLR2004 -- scope, receive, send
        return None
    scope: Scope = args[0]
    return scope if scope.get("type") == "http" else None


async def _watched(wrapped: Wrapped, passage: Passage, args: Args) -> Any:
    scope, receive, send = args

    async def observed(message: Mapping[str, Any]) -> None:
        if message.get("type") == "http.response.start":
            await _answered(passage, scope, message.get("status"))
        await send(message)

    try:
        return await wrapped(scope, receive, observed)
    except Exception as error:
        await _answered(passage, scope, getattr(error, "status_code", None))  # Starlette's way to refuse a method
        raise


async def _guarded(wrapped: Wrapped, passage: Passage, args: Args) -> Any:
    """What the guard itself refuses has not been routed: then no endpoint is set that was not set outside."""
    scope, receive, send = args
    outside = scope.get("endpoint")

    async def observed(message: Mapping[str, Any]) -> None:
        own = passages.KEY not in scope and scope.get("endpoint") is outside
        if own and message.get("type") == "http.response.start":
            passage.said = reasons.SECURITY.get(message.get("status", 0))
            if passage.said in {"host", "origin"}:
                await _answered(passage, scope, message.get("status"))
        await send(message)

    return await wrapped(scope, receive, observed)


async def _answered(passage: Passage, scope: Scope, status: object) -> None:
    """Before the answer leaves: put on record that it is a refusal. Only the first answer counts."""
    if passage.answered or not isinstance(status, int):
        return
    passage.answered = True
    if reasons.refuses(status) and (passage.said is not None or not passage.seen):
        opened = RUNTIME.refused(partial(_described, passage, scope, int(status)))
        if opened is not None:
            await watch.kept(opened, withhold=False)


# What its record says.


def _described(passage: Passage, scope: Scope, status: int) -> Refused:
    """A request that cannot be described has a record all the same."""
    facts = _facts(scope) or HttpRequest()
    bearer = facts.headers.get("authorization", "")[:7].lower() == "bearer "
    why = reasons.reason(Noted(status, passage.said, bearer, passage.session_known()))
    return Refused(
        arrival=_arrival(facts),
        refusal=Refusal(reason=why, status=status),
        outcome=reasons.outcome(why),
        action=reasons.action(why),
        duration_us=(time.perf_counter_ns() - passage.began_ns) // 1000,
    )


@faults.harmless("describing a refused request")
def _facts(scope: Scope) -> HttpRequest:
    return http_request.read(passages.connection(scope))


def _arrival(facts: HttpRequest) -> Arrival:
    """What a request claims in its headers; the tool only where it says that it calls one."""
    claims = facts.headers
    method = optional_text(claims.get("mcp-method"))
    tool = optional_text(claims.get("mcp-name")) if method == methods.CALL else None
    request = Request(
        client_ip=facts.client_ip,
        client_ip_source=facts.client_ip_source,
        id=facts.request_id,
        id_source="client" if facts.request_id else "generated",
        method=method,
        protocol_version=optional_text(claims.get("mcp-protocol-version")),
        session_id=optional_text(facts.session_id or claims.get("mcp-session-id")),
        transport=facts.transport,
    )
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        request.trace_id = trace.format_trace_id(span.trace_id)
        request.span_id = trace.format_span_id(span.span_id)
    call = Call(method=method or "", tool=tool, transport=facts.transport, headers=claims, token=facts.token)
    return Arrival(call=call, request=request)
