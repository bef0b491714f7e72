"""Attribute names, each with whose name it is. No name is a dotted beginning of another; a name keeps one type."""

from typing import Final

# OTEP 0267, the draft audit signal; where we deviate: docs/reference/record.md
AUDIT_RECORD_ID: Final = "audit.record.id"
AUDIT_ACTOR_ID: Final = "audit.actor.id"
AUDIT_ACTOR_TYPE: Final = "audit.actor.type"
AUDIT_ACTION: Final = "audit.action"
AUDIT_OUTCOME: Final = "audit.outcome"
AUDIT_TARGET_ID: Final = "audit.target.id"
AUDIT_TARGET_TYPE: Final = "audit.target.type"
AUDIT_SOURCE_ID: Final = "audit.source.id"
AUDIT_SCHEMA_VERSION: Final = "audit.schema.version"
AUDIT_STREAM_ID: Final = "audit.sequence.stream_id"
AUDIT_STREAM_NUMBER: Final = "audit.sequence.number"

# OpenTelemetry semantic conventions: general, MCP, GenAI
LOG_RECORD_UID: Final = "log.record.uid"
MCP_METHOD: Final = "mcp.method.name"
MCP_SESSION: Final = "mcp.session.id"
MCP_PROTOCOL: Final = "mcp.protocol.version"
MCP_RESOURCE_URI: Final = "mcp.resource.uri"
JSONRPC_REQUEST_ID: Final = "jsonrpc.request.id"
GEN_AI_OPERATION: Final = "gen_ai.operation.name"
GEN_AI_TOOL: Final = "gen_ai.tool.name"
GEN_AI_PROMPT: Final = "gen_ai.prompt.name"
ERROR_TYPE: Final = "error.type"
RPC_STATUS: Final = "rpc.response.status_code"
HTTP_STATUS: Final = "http.response.status_code"
NETWORK_TRANSPORT: Final = "network.transport"
CLIENT_ADDRESS: Final = "client.address"
USER_ID: Final = "user.id"
USER_HASH: Final = "user.hash"
USER_ROLES: Final = "user.roles"
USER_EMAIL: Final = "user.email"

# Ours: no convention exists
TENANT_ID: Final = "mcp_audit.tenant.id"
REQUEST_ID: Final = "mcp_audit.request.id"
OUTCOME: Final = "mcp_audit.outcome"
DURATION_MS: Final = "mcp_audit.duration_ms"
SENSITIVITY: Final = "mcp_audit.sensitivity"
PURPOSE: Final = "mcp_audit.purpose"
PHI: Final = "mcp_audit.phi"
POLICY_RULE: Final = "mcp_audit.policy.rule"
POLICY_LEVEL: Final = "mcp_audit.policy.level"
REFUSAL_REASON: Final = "mcp_audit.refusal.reason"
REPEATED: Final = "mcp_audit.repeated.count"
SEAL_HASH: Final = "mcp_audit.seal.hash"
SEAL_PREVIOUS: Final = "mcp_audit.seal.previous"
SEAL_VERSION: Final = "mcp_audit.seal.version"

EVENT_PREFIX: Final = "mcp_audit."
SCHEMA: Final = "mcp_audit/1"
SCOPE: Final = "otel_mcp_audit"
EXECUTE_TOOL: Final = "execute_tool"

ALL: Final = frozenset(
    value
    for name, value in list(globals().items())
    if name.isupper() and name not in {"EVENT_PREFIX", "SCHEMA", "SCOPE", "EXECUTE_TOOL"}
)
"""Every attribute name this package ever emits."""
