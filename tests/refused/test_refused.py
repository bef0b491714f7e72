"""Whatever is refused before MCP has one record, with the reason; whatever MCP takes has MCP's record and no other."""

import pytest

from tests.refused.attempts import CELLS, Attempt, request_id
from tests.refused.conftest import Note
from tests.refused.playing import Event, Played

REFUSED = [(transport, attempt) for transport, attempt in CELLS if attempt.status]
TAKEN = [(transport, attempt) for transport, attempt in CELLS if not attempt.status]


def _ids(cells: list[tuple[str, Attempt]]) -> list[str]:
    return [f"{transport}-{attempt.name}" for transport, attempt in cells]


def _said(event: Event) -> dict[str, object]:
    return {
        "refusal": event["refusal"],
        "outcome": event["response"]["outcome"],
        "action": event["action"],
        "user": event["user"]["id"],
        "method": event["request"]["method"],
        "tool": event["tool"],
    }


@pytest.mark.parametrize(("transport", "attempt"), REFUSED, ids=_ids(REFUSED))
def test_what_is_refused_has_one_record_that_says_why(
    played: Played, note: Note, transport: str, attempt: Attempt
) -> None:
    request = request_id(transport, attempt)
    records = played.of(request)
    reasons = [event.get("refusal", {}).get("reason", event["event_type"]) for event in records]
    note(transport, attempt.name, f"{played.statuses[request]} {len(records)} {', '.join(reasons)}")
    assert played.statuses[request] == attempt.status
    assert [event["event_type"] for event in records] == ["access_denied"]
    assert _said(records[0]) == attempt.expected
    assert records[0]["request"]["client_ip"] == "127.0.0.1"
    assert records[0]["request"]["transport"] in ({"sse", "http"} if transport == "sse" else {"http"})
    assert "repeated" not in records[0]


@pytest.mark.parametrize(("transport", "attempt"), TAKEN, ids=_ids(TAKEN))
def test_what_mcp_takes_or_is_not_its_own_is_no_refusal(
    played: Played, note: Note, transport: str, attempt: Attempt
) -> None:
    request = request_id(transport, attempt)
    records = played.of(request)
    outcomes = [event["response"]["outcome"] for event in records]
    note(transport, attempt.name, f"{played.statuses[request]} {len(records)} {', '.join(outcomes)}".rstrip())
    assert "access_denied" not in {event["event_type"] for event in records}
    if b"tools/call" in _body(attempt):
        assert [event["event_type"] for event in records] == ["tool_call"]


def _body(attempt: Attempt) -> bytes:
    return str(attempt.knock.body).encode()


def test_requests_refused_are_records_kept(played: Played) -> None:
    wanted = sorted(request_id(transport, attempt) for transport, attempt in REFUSED)
    kept = sorted(event["request"]["id"] for event in played.events if event["event_type"] == "access_denied")
    assert kept == wanted


def test_nothing_of_ours_was_at_fault(played: Played) -> None:
    assert "times so far" not in played.stderr
