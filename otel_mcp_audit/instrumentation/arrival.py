"""A call as any kernel hands it over: its names and arguments, and the request that carried it."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from otel_mcp_audit.instrumentation import http_request
from otel_mcp_audit.instrumentation.answer import field, mapping
from otel_mcp_audit.instrumentation.serving import STDIO
from otel_mcp_audit.line import Agent, Request, ServerInfo
from otel_mcp_audit.opencall import Arrival
from otel_mcp_audit.record import Call
from otel_mcp_audit.redaction import optional_text, text


def described(method: str, params: Mapping[str, Any], rpc_id: object, request: Any) -> Arrival:
    """The arrival of a call; ``request`` is the Starlette request that carried it, or None."""
    facts = http_request.HttpRequest(transport="stdio" if STDIO.get() else "memory")
    if request is not None:
        facts = http_request.read(request)
    name, arguments = params.get("name"), params.get("arguments")
    call = Call(
        method=method,
        tool=text(name) if isinstance(name, str) else None,
        arguments=mapping(arguments),
        transport=facts.transport,
        headers=facts.headers,
        token=facts.token,
        client_ip=facts.client_ip,
        request_id=facts.request_id,
    )
    return Arrival(
        call=call,
        request=Request(
            client_ip=facts.client_ip,
            client_ip_source=facts.client_ip_source,
            id=facts.request_id,
            id_source="client" if facts.request_id else "generated",
            method=method,
            session_id=optional_text(facts.session_id),
            rpc_id=_json_text(rpc_id),
            transport=facts.transport,
        ),
    )


def _json_text(rpc_id: object) -> str | None:
    """A JSON-RPC id as its JSON text: ``7`` and ``"7"`` are two ids."""
    if isinstance(rpc_id, int):
        return text(str(rpc_id))
    return None if rpc_id is None else text(json.dumps(rpc_id, ensure_ascii=False))


def agent(info: object) -> Agent:
    """The client program as it names itself."""
    return Agent(optional_text(field(info, "name")), optional_text(field(info, "version")))


def server(kernel_server: Any) -> ServerInfo:
    """The server's own name and version."""
    return _server(kernel_server.name, kernel_server.version)


@lru_cache(maxsize=64)
def _server(name: str | None, version: str | None) -> ServerInfo:
    return ServerInfo(name=optional_text(name), version=optional_text(version))
