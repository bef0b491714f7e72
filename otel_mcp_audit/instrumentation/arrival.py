"""A call as any kernel hands it over: its names and arguments, and the request that carried it."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, cast

from otel_mcp_audit.instrumentation import http_request, methods
from otel_mcp_audit.instrumentation.answer import field, mapping
from otel_mcp_audit.instrumentation.serving import STDIO
from otel_mcp_audit.line import Agent, Request, Resource, ServerInfo
from otel_mcp_audit.opencall import RESOURCES_KEPT, Arrival
from otel_mcp_audit.record import Call
from otel_mcp_audit.redaction import TEXT_LIMIT, URI_LIMIT, optional_text, text

_OF_THE_PROTOCOL: Final = frozenset({"_meta", "meta", "requestState", "inputResponses"})
"""Parameters of any request that are no arguments of its own; ``meta`` is how the models of 1.x spell the first."""


def described(method: str, params: Mapping[str, Any], rpc_id: object, request: Any) -> Arrival:
    """The arrival of a request; ``request`` is the Starlette request that carried it, or None."""
    facts = http_request.HttpRequest(transport="stdio" if STDIO.get() else "memory")
    if request is not None:
        facts = http_request.read(request)
    row, method = methods.row(method), text(method)
    call = Call(
        method=method,
        tool=_tool(params) if method == methods.CALL else None,
        arguments=_arguments(row, params),
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
        event_type=row.event_type,
        action=row.action,
        resources=_resources(row, params) if row.targets else (),
    )


def in_process(method: str, params: Mapping[str, Any], own: ServerInfo) -> Arrival:
    """The arrival of a call that a server makes of what is its own, without a request."""
    row = methods.row(method)
    tool = _tool(params) if method == methods.CALL else None
    return Arrival(
        call=Call(method=method, tool=tool, arguments=_arguments(row, params)),
        request=Request(id_source="generated", method=method),
        server=own,
        event_type=row.event_type,
        action=row.action,
        resources=_resources(row, params),
    )


def unseen(method: str) -> Arrival:
    """The arrival of a request that could not be looked at: its method is all that there is to say."""
    return in_process(text(method), {}, ServerInfo())


def _tool(params: Mapping[str, Any]) -> str | None:
    name = params.get("name")
    return text(name) if isinstance(name, str) else None


def _arguments(row: methods.Method, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """What goes by name, type and size; an argument that is to be completed by its own name."""
    if row.arguments == "arguments":
        return mapping(params.get("arguments"))
    if row.arguments == "argument":
        argument = params.get("argument")
        name = field(argument, "name")
        return {name: field(argument, "value")} if isinstance(name, str) else {}
    return {} if row.arguments is None else {name: params[name] for name in params if name not in _OF_THE_PROTOCOL}


def _resources(row: methods.Method, params: Mapping[str, Any]) -> list[Resource]:
    """What is asked for: one thing, or as many as a call collects at most."""
    holder = params if row.within is None else params.get(row.within)
    for kind, name in row.targets:
        found = field(holder, name)
        if found is not None:
            several = cast("list[object]", found)[:RESOURCES_KEPT] if isinstance(found, list) else [found]
            return [Resource(id=_id(kind, each), type=kind) for each in several if _is_text(each)]
    return []


def _is_text(value: object) -> bool:
    """What is none is refused further in, and has no name to go by; 1.x makes a model of a URI."""
    return isinstance(value, str) or hasattr(value, "unicode_string")


def _id(kind: str, value: object) -> str:
    return text(str(value), URI_LIMIT if kind == "resource" else TEXT_LIMIT)


def _json_text(rpc_id: object) -> str | None:
    """A JSON-RPC id as its JSON text: ``7`` and ``"7"`` are two ids."""
    if isinstance(rpc_id, int):
        return text(str(rpc_id))
    return None if rpc_id is None else text(json.dumps(rpc_id, ensure_ascii=False))


def introduce(arrived: Arrival, params: Any) -> None:
    """Take over what the parameters of ``initialize`` say: who the client is, and what it speaks."""
    arrived.agent = agent(field(params, "clientInfo"))
    version = field(params, "protocolVersion")
    arrived.request.protocol_version = None if version is None else optional_text(str(version))


def agent(info: object) -> Agent:
    """The client program as it names itself."""
    return Agent(optional_text(field(info, "name")), optional_text(field(info, "version")))


def server(kernel_server: Any) -> ServerInfo:
    """The server's own name and version."""
    return named(kernel_server.name, getattr(kernel_server, "version", None))


@lru_cache(maxsize=64)
def named(name: str | None, version: str | None) -> ServerInfo:
    """A server of this name and version."""
    return ServerInfo(name=optional_text(name), version=optional_text(version))
