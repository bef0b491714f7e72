"""A record as an OTel log record: the unsigned, searchable projection beside the sealed body.

Made at delivery, perhaps by a newer version from an older line: pure, decided by the line alone.
"""

from datetime import datetime
from typing import Final, NamedTuple

from msgspec import UNSET

from otel_mcp_audit import semconv
from otel_mcp_audit.line import Event
from otel_mcp_audit.outcome import ERROR as ERROR_SEVERITY
from otel_mcp_audit.outcome import Severity, outcome
from otel_mcp_audit.record import AuditRecord

Attribute = str | int | float | bool | list[str]

TRANSPORTS: Final = {"stdio": "pipe", "http": "tcp", "sse": "tcp"}
"""Our word for how a call came: the semantic conventions' word."""


class Projection(NamedTuple):
    """What an OTel log record needs. Times in nanoseconds; ids 0 where there is none; ``body`` is the journal line."""

    event_name: str
    timestamp_ns: int
    severity: Severity
    attributes: dict[str, Attribute]
    trace_id: int
    span_id: int
    body: str


def project(record: AuditRecord, *, email: bool = False) -> Projection:
    """Project a record; ``email`` lets the address out as an attribute too."""
    event = record.event
    return Projection(
        event_name=semconv.EVENT_PREFIX + event.event_type,
        timestamp_ns=_nanoseconds(event.timestamp),
        severity=_severity(event),
        attributes=_present(_attributes(record, email=email)),
        trace_id=int(event.request.trace_id or "0", 16),
        span_id=int(event.request.span_id or "0", 16),
        body=record.line.decode(),
    )


def span_attributes(event: Event) -> dict[str, Attribute]:
    """What the call's span carries of the record: who, which tenant, which request, how it ended."""
    response = event.response
    return _present(
        {
            semconv.AUDIT_RECORD_ID: event.id,
            semconv.USER_ID: event.user.id,
            semconv.TENANT_ID: event.user.tenant_id,
            semconv.REQUEST_ID: event.request.id,
            semconv.OUTCOME: response.outcome,
            semconv.DURATION_MS: _milliseconds(response.duration_us),
        }
    )


def _severity(event: Event) -> Severity:
    return ERROR_SEVERITY if event.event_type == "audit_gap" else outcome(event.response.outcome).severity


def _nanoseconds(text: str) -> int:
    """Exact, which a float of seconds is not."""
    moment = datetime.fromisoformat(text)
    return int(moment.replace(microsecond=0).timestamp()) * 1_000_000_000 + moment.microsecond * 1000


def _milliseconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1000


def _present(attributes: dict[str, Attribute | None]) -> dict[str, Attribute]:
    return {name: value for name, value in attributes.items() if value is not None}


def _attributes(record: AuditRecord, *, email: bool) -> dict[str, Attribute | None]:
    event = record.event
    return _who(event, email=email) | _what(event) | _refusal(event) | _request(event) | _proof(record)


def _who(event: Event, *, email: bool) -> dict[str, Attribute | None]:
    user = event.user
    return {
        semconv.AUDIT_ACTOR_ID: user.id,
        semconv.AUDIT_ACTOR_TYPE: user.type,
        semconv.USER_ID: user.id,
        semconv.USER_HASH: user.hash,
        semconv.USER_ROLES: list(user.roles) or None,
        semconv.USER_EMAIL: user.email if email else None,
        semconv.TENANT_ID: user.tenant_id,
    }


def _what(event: Event) -> dict[str, Attribute | None]:
    first = event.resources[0] if event.resources else None
    tool_call = event.event_type == "tool_call"
    return {
        semconv.AUDIT_ACTION: event.action,
        semconv.AUDIT_OUTCOME: outcome(event.response.outcome).audit,
        semconv.AUDIT_TARGET_ID: event.tool if event.tool is not None else first and first.id,
        semconv.AUDIT_TARGET_TYPE: "tool" if event.tool is not None else first and first.type,
        semconv.GEN_AI_OPERATION: semconv.EXECUTE_TOOL if tool_call else None,
        semconv.GEN_AI_TOOL: event.tool,
        semconv.GEN_AI_PROMPT: first.id if first and first.type == "prompt" else None,
        semconv.MCP_RESOURCE_URI: first.id if first and first.type == "resource" else None,
        semconv.ERROR_TYPE: event.response.error_type,
        semconv.OUTCOME: event.response.outcome,
        semconv.DURATION_MS: _milliseconds(event.response.duration_us),
        semconv.SENSITIVITY: event.sensitivity,
        semconv.PURPOSE: event.purpose,
        semconv.PHI: event.phi,
        semconv.POLICY_RULE: event.policy.rule,
        semconv.POLICY_LEVEL: event.policy.level,
    }


def _refusal(event: Event) -> dict[str, Attribute | None]:
    refusal, repeated = event.refusal, event.repeated
    return {
        semconv.HTTP_STATUS: None if refusal is UNSET else refusal.status,
        semconv.REFUSAL_REASON: None if refusal is UNSET else refusal.reason,
        semconv.REPEATED: None if repeated is UNSET else repeated.count,
    }


def _request(event: Event) -> dict[str, Attribute | None]:
    request = event.request
    status = event.response.status_code
    return {
        semconv.MCP_METHOD: request.method,
        semconv.MCP_SESSION: request.session_id,
        semconv.MCP_PROTOCOL: request.protocol_version,
        semconv.JSONRPC_REQUEST_ID: request.rpc_id,
        semconv.RPC_STATUS: None if status is None else str(status),
        semconv.NETWORK_TRANSPORT: TRANSPORTS.get(request.transport),
        semconv.CLIENT_ADDRESS: request.client_ip,
        semconv.AUDIT_SOURCE_ID: request.client_ip,
        semconv.REQUEST_ID: request.id,
    }


def _proof(record: AuditRecord) -> dict[str, Attribute | None]:
    return {
        semconv.AUDIT_RECORD_ID: record.id,
        semconv.LOG_RECORD_UID: record.id,
        semconv.AUDIT_SCHEMA_VERSION: semconv.SCHEMA,
        semconv.AUDIT_STREAM_ID: record.chain.stream,
        semconv.AUDIT_STREAM_NUMBER: record.chain.seq,
        semconv.SEAL_HASH: record.seal.hash,
        semconv.SEAL_PREVIOUS: record.chain.prev,
        semconv.SEAL_VERSION: str(record.chain.v),
    }
