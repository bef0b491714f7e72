"""What the HTTP request that carried a call tells: its verified token, its peer, its own id."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_REQUEST_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
"""``X-Request-ID`` is honoured if it is visible ASCII of at most 128 characters."""

_NO_HEADERS: Final[Mapping[str, str]] = {}


class HttpRequest(NamedTuple):
    """Facts of a request; ``client_ip_source`` is ``peer``, or ``server`` where the web server rewrote the address."""

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
    return HttpRequest(
        headers=headers,
        token=getattr(request.scope.get("user"), "access_token", None),
        client_ip=address,
        client_ip_source=source,
        request_id=claimed if _REQUEST_ID.fullmatch(claimed) else None,
        session_id=headers.get("mcp-session-id"),
        transport="sse" if "session_id" in request.query_params else "http",
    )


def _client(request: Any) -> tuple[str | None, str | None]:
    client = request.client
    if client is None:
        return None, None
    return client.host, "server" if client.port == 0 else "peer"
