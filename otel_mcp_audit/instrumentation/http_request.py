"""What the HTTP request that carried a call tells: its verified token, its peer, its own id."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

_REQUEST_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
"""``X-Request-ID`` is honoured if it is visible ASCII of at most 128 characters."""

_NO_HEADERS: Final[Mapping[str, str]] = {}

_SSE: Final = "otel_mcp_audit.sse"
"""Key of the ASGI scope that says: this request came in by the older transport's own door."""


def sse_message(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """``SseServerTransport.handle_post_message``: a message of the older HTTP+SSE transport."""
    del instance
    scope = args[0] if args else kwargs.get("scope")
    if isinstance(scope, dict):
        scope[_SSE] = True
    return wrapped(*args, **kwargs)


class HttpRequest(NamedTuple):
    """Facts of a request; ``client_ip_source`` is ``peer``, or ``server`` where the web server rewrote the address.

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
    address, source = _client(request)
    claimed = headers.get("x-request-id", "")
    sse = _SSE in request.scope
    return HttpRequest(
        headers=headers,
        token=getattr(request.scope.get("user"), "access_token", None),
        client_ip=address,
        client_ip_source=source,
        request_id=claimed if _REQUEST_ID.fullmatch(claimed) else None,
        session_id=request.query_params.get("session_id") if sse else None,
        transport="sse" if sse else "http",
    )


def _client(request: Any) -> tuple[str | None, str | None]:
    client = request.client
    if client is None:
        return None, None
    return client.host, "server" if client.port == 0 else "peer"
