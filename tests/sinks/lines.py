"""Records as a sink gets them, without a journal."""

from otel_mcp_audit import seal
from otel_mcp_audit.line import Body, Event, Request, Response, User, encode_body
from otel_mcp_audit.record import AuditRecord

RESOURCE = {"service.name": "records"}
HEX = "0af7651916cd43dd8448eb211c80319c"


def event(number: int = 0, tool: str = "echo") -> Event:
    """A call as it may happen; its id is the same for the same number."""
    return Event(
        action="EXECUTE",
        event_type="tool_call",
        id=f"019d0000-0000-7000-8000-{number:012d}",
        request=Request(method="tools/call", trace_id=HEX, span_id=HEX[:16], transport="http"),
        response=Response(outcome="success", duration_us=1500),
        timestamp="2026-11-24T10:30:00.250000Z",
        tool=tool,
        user=User(id="ana", tenant_id="acme", roles=["clerk", "auditor"]),
    )


def sealed(given: Event, seq: int = 1, resource: dict[str, str] | None = None) -> AuditRecord:
    """The event as a journal line and its record."""
    body = encode_body(Body(event=given))
    line, _ = seal.seal(body, seal.Link("5b3f8f6e-0000-4000-8000-000000000000", seq, seal.GENESIS))
    return AuditRecord(line.rstrip(b"\n"), RESOURCE if resource is None else resource)


def records(count: int = 1, tool: str = "echo") -> list[AuditRecord]:
    """So many records."""
    return [sealed(event(number, tool), number + 1) for number in range(count)]
