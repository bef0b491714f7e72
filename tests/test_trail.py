"""Records about the trail itself."""

import msgspec

from otel_mcp_audit import header, seal, trail
from otel_mcp_audit.journal import Beginning
from otel_mcp_audit.line import Change, Head, NameValue, Trail, decode_body


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


def test_settings_that_are_too_much_to_name_are_left_out_as_a_whole() -> None:
    resource = [NameValue(f"name.{n}" + "é" * 250, "v" * 256) for n in range(48)]
    settings = [NameValue(f"setting.{n}", "é" * 200) for n in range(60)]
    body = trail.body("audit_start", Trail(configuration=settings, resource=resource, host="h", settings="digest"))
    event = decode_body(body).event
    assert len(body) <= seal.BODY_LIMIT
    assert event.trail is not msgspec.UNSET
    assert (event.truncated, event.trail.configuration, event.trail.settings) == (True, msgspec.UNSET, "digest")


def test_where_settings_were_too_much_to_name_their_digests_say_that_some_have_changed() -> None:
    before = Beginning("s", "2026-11-24T10:30:00.000000Z", Trail(settings="a"))
    now = Trail(settings="b", configuration=[NameValue("email", "true")])
    assert header.change(before, now) == Trail(settings="b", stream="s")
    assert header.change(before, Trail(settings="a")) is None


def test_changes_that_are_too_many_are_cut() -> None:
    changes = [Change(f"setting.{n}", "é" * 200, "é" * 200) for n in range(60)]
    body = trail.body("audit_config", Trail(changes=changes))
    assert len(body) <= seal.BODY_LIMIT
    event = decode_body(body).event
    assert event.trail is not msgspec.UNSET
    assert event.truncated is True
    assert event.trail.changes
