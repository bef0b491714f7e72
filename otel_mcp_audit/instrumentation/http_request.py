"""What the HTTP request that carried a call tells: its verified token, its peer, its own id."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, cast

from otel_mcp_audit.client_address import Client, direct, parse, proxies
from otel_mcp_audit.redaction import optional_text
from otel_mcp_audit.runtime import RUNTIME

_REQUEST_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
"""``X-Request-ID`` is honoured if it is visible ASCII of at most 128 characters."""

_NO_HEADERS: Final[Mapping[str, str]] = {}

_SSE: Final = "otel_mcp_audit.sse"
"""Key of the ASGI scope that says: this request came in by the older transport's own door."""


_PEER: Final = "otel_mcp_audit.peer"
"""Key of the ASGI scope that holds the connection's own peer, from before uvicorn put another in its place."""


def proxy_headers(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """``ProxyHeadersMiddleware.__call__`` of uvicorn: on by default, it believes ``X-Forwarded-For`` from loopback."""
    del instance
    scope: Any = args[0] if args else kwargs.get("scope")
    if isinstance(scope, dict):
        scope[_PEER] = cast("dict[str, Any]", scope).get("client")
    return wrapped(*args, **kwargs)


def sse_message(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """``SseServerTransport.handle_post_message``: a message of the older HTTP+SSE transport."""
    del instance
    scope = args[0] if args else kwargs.get("scope")
    if isinstance(scope, dict):
        scope[_SSE] = True
    return wrapped(*args, **kwargs)


class HttpRequest(NamedTuple):
    """Facts of a request.

    ``client_ip_source`` is ``peer``, ``forwarded`` by a trusted proxy, or ``server`` where the web server rewrote it.
    ``session_id`` is only what the kernel has looked up by now, the older transport's: a header may hold anything.
    """

    headers: Mapping[str, str] = _NO_HEADERS
    token: Any = None
    client_ip: str | None = None
    client_ip_source: str | None = None
    request_id: str | None = None
    session_id: str | None = None
    transport: str = "http"


def read(request: Any) -> HttpRequest:
    """Read a Starlette request. The token is that of *this* request: context variables may hold an earlier one's."""
    headers: Mapping[str, str] = request.headers
    client = _client(request)
    claimed = headers.get("x-request-id", "")
    sse = _SSE in request.scope
    return HttpRequest(
        headers=headers,
        token=getattr(request.scope.get("user"), "access_token", None),
        client_ip=optional_text(client.address),
        client_ip_source=client.source,
        request_id=claimed if _REQUEST_ID.fullmatch(claimed) else None,
        session_id=request.query_params.get("session_id") if sse else None,
        transport="sse" if sse else "http",
    )


def _client(request: Any) -> Client:
    """The setting decides where there is one; else the web server has decided already, or the peer is all there is."""
    server: Any = request.scope.get("client")
    seen = _PEER in request.scope
    peer: Any = request.scope[_PEER] if seen else server
    shown: str | None = server and server[0]
    # Port 0: rewritten by a web server that we cannot look into.
    rewritten: bool = shown is not None and (server != peer or server[1] == 0)
    trusted = RUNTIME.auditor().settings.trusted_proxies
    if trusted is not None and (seen or not rewritten):
        lines = (request.headers.getlist(name) for name in ("forwarded", "x-forwarded-for"))
        return proxies(trusted).client(peer and peer[0], *lines)
    if shown is not None and rewritten and (not seen or parse(shown) is not None):
        return Client(shown, "server")
    return direct(peer and peer[0])
