"""The record: canonical as written, complete, in the request's shape."""

import json

import msgspec
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from otel_mcp_audit import clock, seal
from otel_mcp_audit.line import (
    Agent,
    Body,
    Event,
    Link,
    Param,
    Request,
    Resource,
    Response,
    ServerInfo,
    User,
    encode_body,
)
from otel_mcp_audit.record import AuditRecord

hostile = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def event(**fields: object) -> Event:
    given: dict[str, object] = {
        "action": "EXECUTE",
        "event_type": "tool_call",
        "id": clock.record_id(1),
        "request": Request(id="r-1"),
        "response": Response(),
        "timestamp": clock.timestamp(1),
        "user": User(),
    }
    return Event(**{**given, **fields})  # pyright: ignore[reportArgumentType] -- a test's shorthand


def line_of(body: Body) -> bytes:
    return seal.seal(encode_body(body), seal.Link("5f0a", 1, seal.GENESIS))[0].rstrip(b"\n")


@given(hostile, hostile, hostile, st.integers(0, 2**53 - 1))
def test_a_line_is_canonical_as_written(tool: str, name: str, resource: str, size: int) -> None:
    written = line_of(
        Body(
            event=event(
                tool=tool,
                resources=[Resource(id=resource, type=name)],
                agent=Agent(name, tool),
                link=Link(id=name, next=resource, type=tool),
            ),
            params=[Param(bytes=size, name=name, type="string", value=tool)],
        )
    )
    assert written == rfc8785.dumps(json.loads(written))


def test_every_key_of_the_definition_is_always_there_and_in_alphabetical_order() -> None:
    written = json.loads(line_of(Body(event=event())))
    assert list(written) == ["chain", "event", "params", "seal"]
    assert list(written["event"]) == [
        "action", "agent", "delegation", "event_type", "id", "phi", "policy", "purpose", "request", "resources",
        "response", "sensitivity", "server", "timestamp", "tool", "user",
    ]  # fmt: skip
    assert set(written["event"]["request"]) == {
        "client_ip", "client_ip_source", "id", "id_source", "method", "protocol_version", "rpc_id", "session_id",
        "span_id", "trace_id", "transport",
    }  # fmt: skip
    assert set(written["event"]["response"]) == {
        "bytes", "duration_us", "error_type", "outcome", "result_count", "status_code",
    }  # fmt: skip
    assert set(written["event"]["user"]) == {
        "authenticated", "client_id", "email", "hash", "id", "name", "roles", "scopes", "source", "tenant_id", "type",
    }  # fmt: skip


def test_missing_identity_is_a_literal_and_never_an_absent_field() -> None:
    record = AuditRecord(line_of(Body(event=event())))
    assert (record.user.id, record.user.tenant_id, record.user.type) == ("anonymous", "unassigned", "unknown")


def test_success_is_never_a_default() -> None:
    assert AuditRecord(line_of(Body(event=event()))).outcome == "unknown"


def test_a_record_in_the_requests_shape_has_its_keys_with_null_where_unknown() -> None:
    body = Body(
        event=event(
            tool="read_chart",
            server=ServerInfo(name="records"),
            response=Response(outcome="success", duration_us=150312, result_count=5),
            user=User(id="user123", tenant_id="acme"),
        ),
        params=[Param(bytes=11, name="query", type="string"), Param(bytes=9, name=None, omitted=3, type=None)],
    )
    shape = AuditRecord(line_of(body)).as_dict()
    assert shape["user"] == {"id": "user123", "email": None, "tenant_id": "acme"}
    assert shape["request"] == {"id": "r-1", "client_ip": None}
    assert shape["params"] == {"query": {"type": "string", "bytes": 11}, "…": {"omitted": 3, "bytes": 9}}
    assert shape["response"]["result_count"] == 5
    assert shape["response"]["duration_ms"] == 150.312
    assert shape["response"]["outcome"] == "success"
    assert {"timestamp", "event_type", "tool", "id", "resources", "phi", "purpose", "sensitivity"} <= set(shape)
    assert msgspec.json.encode(shape)


def test_a_link_is_in_the_requests_shape_as_in_the_line_and_null_where_there_is_none() -> None:
    linked = AuditRecord(line_of(Body(event=event(link=Link(id="d-1", next="d-2", type="round")))))
    assert linked.as_dict()["link"] == {"id": "d-1", "next": "d-2", "type": "round"}
    assert AuditRecord(line_of(Body(event=event(link=Link(id="t", type="task"))))).as_dict()["link"] == {
        "id": "t",
        "type": "task",
    }
    assert AuditRecord(line_of(Body(event=event()))).as_dict()["link"] is None


def test_a_clear_value_is_exact_or_text() -> None:
    params = [
        Param(bytes=1, name="count", type="integer", value="7"),
        Param(bytes=19, name="huge", type="integer", value="9223372036854775808123"),
        Param(bytes=3, name="nan", type="number", value="NaN"),
        Param(bytes=4, name="text", type="string", value="true"),
        Param(bytes=4, name="flag", type="boolean", value="true"),
    ]
    shown = AuditRecord(line_of(Body(event=event(), params=params))).params
    assert shown["count"] == 7
    assert shown["nan"] == "NaN"
    assert shown["text"] == "true"
    assert shown["flag"] is True
    assert str(shown["huge"]) == "9223372036854775808123"
