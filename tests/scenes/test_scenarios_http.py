"""Exactly one true record for every call over streamable HTTP, each under its own caller's name."""

from collections.abc import Callable

import pytest

from tests.scenes import http_runs, scenes
from tests.scenes.accounts import ACCOUNTS
from tests.scenes.conftest import Note
from tests.scenes.http_runs import Runs
from tests.scenes.kernel import LEADING, PAIRS, STYLES, Era, Style
from tests.scenes.log import ClientLog
from tests.scenes.reconcile import in_process, kept, reconcile
from tests.scenes.tools import CANARY

Played = Callable[..., Runs]

ORDINARY = [(style, era, scene.name) for style, era in PAIRS for scene in scenes.ordinary(style)]
ASKED = [(style, era, scene.name) for style, era in PAIRS for scene in http_runs.asked_by_wire(style, era)]
BY_WIRE = [(style, era, name) for style, era in PAIRS for name in http_runs.by_wire(style, era)]


@pytest.mark.parametrize(("style", "era", "scene"), ORDINARY)
def test_each_of_three_users_calls_has_one_true_record(
    played: Played, note: Note, style: Style, era: Era, scene: str
) -> None:
    run = played(http_runs.everything, style)[era]
    records = run.records(scene)
    note(style, f"http {era}", scene, len(run.log.of(scene)), records)
    assert run.faults(scene) == []
    assert {record.event["user"]["id"] for record in records} == {account.user for account in ACCOUNTS}
    assert {record.event["user"]["source"] for record in records} == {"token"}
    assert {record.event["request"]["transport"] for record in records} == {"http"}
    assert {record.event["request"]["client_ip"] for record in records} == {"127.0.0.1"}


@pytest.mark.parametrize(("style", "era", "scene"), BY_WIRE)
def test_what_only_the_wire_can_send_has_one_true_record(
    played: Played, note: Note, style: Style, era: Era, scene: str
) -> None:
    run = played(http_runs.everything, style)[era]
    note(style, f"http {era}", scene, len(run.log.of(scene)), run.records(scene))
    assert run.faults(scene) == []


@pytest.mark.parametrize(("style", "era", "scene"), ASKED)
def test_a_request_of_any_method_has_one_true_record(
    played: Played, note: Note, style: Style, era: Era, scene: str
) -> None:
    run = played(http_runs.everything, style)[era]
    note(style, f"http {era}", scene, len(run.log.of(scene)), run.records(scene))
    assert run.faults(scene) == []


def test_background_tasks_that_outlive_their_calls_get_their_own_records(played: Played, note: Note) -> None:
    runs = played(http_runs.everything, LEADING)
    leaked = [record for run in runs.values() for record in run.records(scenes.LEAK.name)]
    later = in_process(next(iter(runs.values())).lines)
    note(LEADING, "http", scenes.LEAK.name, 2 * len(runs), [*leaked, *later])
    assert len(leaked) == len(runs)
    assert [record.event["tool"] for record in later] == ["echo"] * len(runs)
    # Nobody asked for it: least of all whoever was calling when the task was left behind.
    assert {(record.event["user"]["id"], record.event["user"]["source"]) for record in later} == {("anonymous", "none")}


@pytest.mark.parametrize("style", STYLES)
def test_calls_made_are_records_kept(played: Played, style: Style) -> None:
    runs = list(played(http_runs.everything, style).values())
    leaked = len(runs) * scenes.own_calls(style)
    result = reconcile(ClientLog([made for run in runs for made in run.log.made]), runs[0].lines, in_process=leaked)
    assert result.agrees, str(result)
    assert result.resent == []


@pytest.mark.parametrize(("style", "era"), PAIRS)
def test_the_answers_are_the_same_to_the_byte_without_auditing(played: Played, style: Style, era: Era) -> None:
    audited = played(http_runs.everything, style)[era]
    unaudited = played(http_runs.wire, style, "off")[era]
    assert kept(unaudited.lines) == []
    assert audited.transcript
    assert audited.transcript == unaudited.transcript


@pytest.mark.parametrize("style", STYLES)
def test_the_exit_status_is_the_same_without_auditing(played: Played, style: Style) -> None:
    audited = played(http_runs.everything, style)["legacy"]
    unaudited = played(http_runs.wire, style, "off")["legacy"]
    assert audited.status == unaudited.status


@pytest.mark.parametrize("style", STYLES)
def test_a_secret_in_answers_and_exceptions_is_in_no_file_of_ours(played: Played, style: Style) -> None:
    run = played(http_runs.everything, style)["legacy"]
    assert CANARY in "".join(run.transcript)
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if CANARY.encode() in path.read_bytes()] == []
