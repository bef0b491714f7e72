"""A flood on a running server: what is refused is singles and counts together, however the server ends."""

import time
from pathlib import Path

from tests.refused.knocking import Door, Knock, call
from tests.refused.playing import Event, events, serving
from tests.scenes.processes import PATIENCE
from tests.scenes.reconcile import journal_lines

STRANGER = Knock(headers={"Authorization": None}, body=call())
FLOOD = 200


def knock(port: int) -> set[int]:
    """Many requests that all are refused."""
    door = Door(port, "stateless")
    return {door.knock(STRANGER, f"flood-{each}") for each in range(FLOOD)}


def times(event: Event) -> int:
    return event.get("repeated", {"count": 1})["count"]


def await_all(folder: Path, wanted: int) -> list[Event]:
    """The records, when they stand for as many as are wanted; or when that is never going to be."""
    until = time.monotonic() + PATIENCE
    while sum(map(times, events(folder))) < wanted and time.monotonic() < until:
        time.sleep(0.05)
    return events(folder)


def test_a_flood_that_just_stops_is_on_record_within_its_window(tmp_path: Path) -> None:
    with serving(tmp_path, OTEL_MCP_AUDIT_REFUSALS="10/1s") as server:
        assert knock(server.port()) == {401}
        found = await_all(tmp_path, FLOOD)
        server.terminate()
    assert sum(map(times, found)) == FLOOD
    assert len(found) < FLOOD / 2
    assert {event["refusal"]["reason"] for event in found} == {"no_token"}
    assert events(tmp_path) == found


def test_at_sigterm_the_count_so_far_is_put_on_record_whatever_sessions_were_guessed(tmp_path: Path) -> None:
    with serving(tmp_path, OTEL_MCP_AUDIT_REFUSALS="10/60m") as server:
        assert knock(server.port()) == {401}
        assert len(events(tmp_path)) == 10
        door = Door(server.port(), "stateful")
        for each in range(FLOOD):
            door.knock(Knock(headers={"Mcp-Session-Id": f"guess-{each}"}, body=call()), f"guess-{each}")
        server.terminate()
    found = events(tmp_path)
    assert [times(event) for event in found] == [1] * 10 + [FLOOD - 10, FLOOD]
    assert [event["refusal"]["reason"] for event in found[-2:]] == ["no_token", "unknown_session"]
    assert found[-1]["request"]["session_id"] == "guess-0"
    assert found[-1]["repeated"]["until"] > found[-1]["timestamp"]
    assert sum(len(line) for line in journal_lines(tmp_path)) < 30_000


def test_after_kill_9_it_is_said_that_there_was_a_count(tmp_path: Path) -> None:
    with serving(tmp_path, OTEL_MCP_AUDIT_REFUSALS="10/60m") as server:
        assert knock(server.port()) == {401}
    assert len(events(tmp_path)) == 10
    with serving(tmp_path) as server:
        server.port()
        found = await_all(tmp_path, 11)
        server.terminate()
    (said,) = [event for event in found if "repeated" in event]
    assert (said["event_type"], said["refusal"]["reason"], said["response"]["outcome"]) == (
        "access_denied",
        "no_token",
        "unknown",
    )
    assert said["repeated"] == {"count": 1, "until": said["timestamp"]}
