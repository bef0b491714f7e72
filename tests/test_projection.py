"""The projection: the record as an OTel log record, golden."""

from inline_snapshot import snapshot

from otel_mcp_audit import seal, semconv
from otel_mcp_audit.line import (
    Agent,
    Body,
    Event,
    Param,
    PolicyApplied,
    Request,
    Resource,
    Response,
    ServerInfo,
    User,
    encode_body,
)
from otel_mcp_audit.projection import project, span_attributes
from otel_mcp_audit.record import AuditRecord

EVENT = Event(
    action="EXECUTE",
    agent=Agent("claude-desktop", "1.2.0"),
    event_type="tool_call",
    id="0197f3a0-0000-7000-8000-000000000001",
    phi=True,
    policy=PolicyApplied(),
    purpose="treatment",
    request=Request(
        client_ip="203.0.113.9",
        client_ip_source="peer",
        id="req-abc123",
        id_source="client",
        method="tools/call",
        protocol_version="2026-07-28",
        rpc_id="7",
        span_id="00f067aa0ba902b7",
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        transport="http",
    ),
    resources=[Resource(id="patient:4711", type="patient")],
    response=Response(
        bytes=5120, duration_us=150312, outcome="protocol_error", error_type="-32011", status_code=-32011
    ),
    sensitivity="restricted",
    server=ServerInfo("i-1", "datahub", "0.9"),
    timestamp="2026-11-24T10:30:00.000001Z",
    tool="datahub_search",
    user=User(authenticated=True, email="a@b.c", id="user123", roles=["nurse"], tenant_id="acme-corp", type="user"),
)


def record(event: Event = EVENT) -> AuditRecord:
    body = encode_body(Body(event=event, params=[Param(bytes=6, name="q", type="string", value="SECRET")]))
    return AuditRecord(seal.seal(body, seal.Link("5f0a-stream", 42, seal.GENESIS))[0].rstrip(b"\n"))


def test_a_tool_call_is_projected_with_the_fields_own_names() -> None:
    projection = project(record())
    attributes = dict(projection.attributes)
    assert len(str(attributes.pop(semconv.SEAL_HASH))) == 64
    assert (projection.event_name, projection.severity.text) == ("mcp_audit.tool_call", "WARN")
    assert projection.timestamp_ns == 1_795_516_200_000_001_000
    assert f"{projection.trace_id:032x}" == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert projection.body.encode() == record().line
    assert attributes == snapshot(
        {
            "audit.actor.id": "user123",
            "audit.actor.type": "user",
            "user.id": "user123",
            "user.roles": ["nurse"],
            "mcp_audit.tenant.id": "acme-corp",
            "audit.action": "EXECUTE",
            "audit.outcome": "failure",
            "audit.target.id": "datahub_search",
            "audit.target.type": "tool",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "datahub_search",
            "error.type": "-32011",
            "mcp_audit.outcome": "protocol_error",
            "mcp_audit.duration_ms": 150.312,
            "mcp_audit.sensitivity": "restricted",
            "mcp_audit.purpose": "treatment",
            "mcp_audit.phi": True,
            "mcp_audit.policy.rule": "default",
            "mcp_audit.policy.level": "metadata",
            "mcp.method.name": "tools/call",
            "mcp.protocol.version": "2026-07-28",
            "jsonrpc.request.id": "7",
            "rpc.response.status_code": "-32011",
            "network.transport": "tcp",
            "client.address": "203.0.113.9",
            "audit.source.id": "203.0.113.9",
            "mcp_audit.request.id": "req-abc123",
            "audit.record.id": "0197f3a0-0000-7000-8000-000000000001",
            "log.record.uid": "0197f3a0-0000-7000-8000-000000000001",
            "audit.schema.version": "mcp_audit/1",
            "audit.sequence.stream_id": "5f0a-stream",
            "audit.sequence.number": 42,
            "mcp_audit.seal.previous": "0000000000000000000000000000000000000000000000000000000000000000",
            "mcp_audit.seal.version": "1",
        }
    )


def test_the_e_mail_address_is_an_attribute_only_where_asked_for() -> None:
    assert semconv.USER_EMAIL not in project(record()).attributes
    assert project(record(), email=True).attributes[semconv.USER_EMAIL] == "a@b.c"


def test_arguments_are_in_the_body_and_nowhere_else() -> None:
    projection = project(record())
    assert "SECRET" in projection.body
    assert "SECRET" not in repr(projection.attributes)


def test_a_span_carries_who_which_and_how_and_no_address() -> None:
    assert span_attributes(EVENT) == snapshot(
        {
            "audit.record.id": "0197f3a0-0000-7000-8000-000000000001",
            "user.id": "user123",
            "mcp_audit.tenant.id": "acme-corp",
            "mcp_audit.request.id": "req-abc123",
            "mcp_audit.outcome": "protocol_error",
            "mcp_audit.duration_ms": 150.312,
        }
    )


def test_no_attribute_name_is_a_dotted_beginning_of_another() -> None:
    for name in semconv.ALL:
        assert not any(other.startswith(f"{name}.") for other in semconv.ALL), name


def test_every_projected_name_is_in_the_table() -> None:
    assert set(project(record(), email=True).attributes) | set(span_attributes(EVENT)) <= semconv.ALL
