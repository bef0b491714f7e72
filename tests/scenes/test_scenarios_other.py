"""Exactly one true record for every call over HTTP without a session, and over the older HTTP+SSE transport."""

from collections.abc import Callable
from typing import Final

import pytest

from tests.scenes import kernel, other_runs
from tests.scenes.conftest import Note
from tests.scenes.kernel import STYLES, Style
from tests.scenes.reconcile import reconcile
from tests.scenes.runs import Run

Played = Callable[..., Run]

RUNS: Final = {
    "sse": (other_runs.sse, other_runs.sse_scenes),
    "http stateless": (other_runs.stateless, other_runs.stateless_scenes),
}
ROWS: Final = [
    (style, transport, scene.name) for style in STYLES for transport, (_, rows) in RUNS.items() for scene in rows(style)
]

ASKED: Final = [
    (style, transport, scene.name) for style in STYLES for transport in RUNS for scene in other_runs.asked_over(style)
]


@pytest.mark.parametrize(("style", "transport", "scene"), ROWS)
def test_a_call_has_one_true_record(played: Played, note: Note, style: Style, transport: str, scene: str) -> None:
    run = played(RUNS[transport][0], style)
    records = run.records(scene)
    note(style, transport, scene, len(run.log.of(scene)), records)
    assert run.faults(scene) == []
    assert {record.event["request"]["transport"] for record in records} == {"sse" if transport == "sse" else "http"}
    assert {record.event["user"]["source"] for record in records} == {"token"}


@pytest.mark.parametrize(("style", "transport", "scene"), ASKED)
def test_a_request_of_any_method_has_one_true_record(
    played: Played, note: Note, style: Style, transport: str, scene: str
) -> None:
    run = played(RUNS[transport][0], style)
    note(style, transport, scene, len(run.log.of(scene)), run.records(scene))
    assert run.faults(scene) == []


@pytest.mark.parametrize("transport", RUNS)
@pytest.mark.parametrize("style", STYLES)
def test_calls_made_are_records_kept(played: Played, style: Style, transport: str) -> None:
    run = played(RUNS[transport][0], style)
    result = reconcile(run.log, run.lines)
    assert result.agrees, str(result)


ROUND_RUNS: Final = {"stdio modern": other_runs.rounds_over_stdio, "http modern": other_runs.rounds_over_http}
ROUNDS: Final = [(scene.name, transport) for scene in other_runs.ROUNDS for transport in ROUND_RUNS]


@pytest.mark.skipif(not kernel.MODERN, reason="before mcp 2 a call has one round")
@pytest.mark.parametrize(("scene", "transport"), ROUNDS)
@pytest.mark.parametrize("style", STYLES)
def test_each_round_of_a_call_has_one_record(
    played: Played, note: Note, style: Style, transport: str, scene: str
) -> None:
    run = played(ROUND_RUNS[transport], style)
    note(style, transport, scene, len(run.log.of(scene)), run.records(scene))
    assert run.faults(scene) == []
    assert b"asked once" not in b"".join(run.lines)


@pytest.mark.parametrize("style", STYLES)
def test_a_session_that_no_server_gave_is_in_no_record(played: Played, style: Style) -> None:
    run = played(other_runs.stateless, style)
    assert {record.event["request"]["session_id"] for record in run.records("ok")} == {None}
    assert other_runs.CLAIMED.encode() not in b"".join(run.lines)


@pytest.mark.parametrize("style", STYLES)
def test_the_session_over_sse_is_the_one_that_the_server_gave(played: Played, style: Style) -> None:
    run = played(other_runs.sse, style)
    sessions = {record.event["user"]["id"]: record.event["request"]["session_id"] for record in run.records("ok")}
    assert sessions == dict(zip(("bob", "alice"), run.transcript, strict=True))
