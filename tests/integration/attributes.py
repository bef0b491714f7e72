"""The attribute table of the record's design, as data: each attribute, and where the line has it."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

Event = Mapping[str, Any]

_AUDIT: Final = {"success": "success", "input_required": "success", "aborted": "unknown", "unknown": "unknown"}

OF_A_CALL: Final[Mapping[str, Callable[[Event], Any]]] = {
    "audit.record.id": lambda event: event["id"],
    "log.record.uid": lambda event: event["id"],
    "audit.actor.id": lambda event: event["user"]["id"],
    "audit.actor.type": lambda event: event["user"]["type"],
    "audit.action": lambda event: event["action"],
    "audit.outcome": lambda event: _AUDIT.get(event["response"]["outcome"], "failure"),
    "audit.target.id": lambda event: event["tool"],
    "audit.target.type": lambda event: event["tool"] and "tool",
    "audit.source.id": lambda event: event["request"]["client_ip"],
    "audit.schema.version": lambda _: "mcp_audit/1",
    "mcp.method.name": lambda event: event["request"]["method"],
    "mcp.session.id": lambda event: event["request"]["session_id"],
    "mcp.protocol.version": lambda event: event["request"]["protocol_version"],
    "jsonrpc.request.id": lambda event: event["request"]["rpc_id"],
    "gen_ai.operation.name": lambda event: "execute_tool" if event["request"]["method"] == "tools/call" else None,
    "gen_ai.tool.name": lambda event: event["tool"],
    "error.type": lambda event: event["response"]["error_type"],
    "rpc.response.status_code": lambda event: _text(event["response"]["status_code"]),
    "network.transport": lambda event: {"stdio": "pipe", "http": "tcp"}[event["request"]["transport"]],
    "client.address": lambda event: event["request"]["client_ip"],
    "user.id": lambda event: event["user"]["id"],
    "user.hash": lambda event: event["user"]["hash"],
    "user.roles": lambda event: event["user"]["roles"] or None,
    "mcp_audit.tenant.id": lambda event: event["user"]["tenant_id"],
    "mcp_audit.request.id": lambda event: event["request"]["id"],
    "mcp_audit.outcome": lambda event: event["response"]["outcome"],
    "mcp_audit.duration_ms": lambda event: event["response"]["duration_us"] / 1000,
    "mcp_audit.sensitivity": lambda event: event["sensitivity"],
    "mcp_audit.purpose": lambda event: event["purpose"],
    "mcp_audit.phi": lambda event: event["phi"],
    "mcp_audit.policy.rule": lambda event: event["policy"]["rule"],
    "mcp_audit.policy.level": lambda event: event["policy"]["level"],
}

_OF_THE_CHAIN: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "audit.sequence.stream_id": lambda line: line["chain"]["stream"],
    "audit.sequence.number": lambda line: line["chain"]["seq"],
    "mcp_audit.seal.hash": lambda line: line["seal"]["hash"],
    "mcp_audit.seal.previous": lambda line: line["chain"]["prev"],
    "mcp_audit.seal.version": lambda line: str(line["chain"]["v"]),
}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def of_body(body: str) -> dict[str, Any]:
    """The attributes that the log record with this body has to have: all of them, and no other."""
    line = json.loads(body)
    wanted = {name: value(line["event"]) for name, value in OF_A_CALL.items()}
    wanted |= {name: value(line) for name, value in _OF_THE_CHAIN.items()}
    return {name: value for name, value in wanted.items() if value is not None}
