"""Records about the trail itself."""

import msgspec

from otel_mcp_audit import seal, trail
from otel_mcp_audit.line import Head, NameValue, Trail, decode_body


def test_a_record_about_the_trail_names_the_system_and_succeeds() -> None:
    event = decode_body(trail.body("audit_gap", Trail(count=3, reason="disk full"))).event
    assert (event.event_type, event.action, event.user.type, event.response.outcome) == (
        "audit_gap", "CREATE", "system", "success",
    )  # fmt: skip
    assert event.trail is not msgspec.UNSET
    assert (event.trail.count, event.trail.reason) == (3, "disk full")


def test_a_first_line_stays_within_the_limit_however_much_there_is_to_say() -> None:
    heads = [Head("f" * 64, 1, "0" * 36) for _ in range(50)]
    resource = [NameValue(f"name.{n}" + "é" * 250, "v" * 256) for n in range(48)]
    body = trail.body("audit_start", Trail(heads=heads, resource=resource, host="h"))
    event = decode_body(body).event
    assert len(body) <= seal.BODY_LIMIT
    assert event.truncated is True
    assert event.trail is not msgspec.UNSET
    assert event.trail.host == "h"
    assert event.trail.resource
