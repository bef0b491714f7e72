"""Exactly one true record for every call over stdio, and nothing changed for the client."""

import json
from collections.abc import Callable

import pytest

from tests.scenes import asked, kernel, scenes, stdio_runs
from tests.scenes.conftest import Note
from tests.scenes.kernel import ERAS, LEADING, PAIRS, STYLES, Era, Style
from tests.scenes.reconcile import in_process, kept, reconcile
from tests.scenes.runs import Run
from tests.scenes.tools import CANARY

Played = Callable[..., Run]

ORDINARY = [(style, era, scene.name) for style, era in PAIRS for scene in scenes.ordinary(style)]
ASKED = [(style, era, scene.name) for style, era in PAIRS for scene in stdio_runs.asked_by_wire(style, era)]
BY_WIRE = [(style, era, name) for style, era in PAIRS for name in stdio_runs.by_wire(era)]


@pytest.mark.parametrize(("style", "era", "scene"), ORDINARY)
def test_a_call_of_the_sdks_client_has_one_true_record(
    played: Played, note: Note, style: Style, era: Era, scene: str
) -> None:
    run = played(stdio_runs.sdk, style, era)
    records = run.records(scene)
    note(style, f"stdio {era}", scene, len(run.log.of(scene)), records)
    assert run.faults(scene) == []
    assert records[0].event["request"]["transport"] == "stdio"
    assert records[0].event["user"]["source"] == "os"


@pytest.mark.parametrize(("style", "era", "scene"), BY_WIRE)
def test_what_only_the_wire_can_send_has_one_true_record(
    played: Played, note: Note, style: Style, era: Era, scene: str
) -> None:
    run = played(stdio_runs.wire, style, era, "on")
    note(style, f"stdio {era}", scene, len(run.log.of(scene)), run.records(scene))
    assert run.faults(scene) == []


@pytest.mark.parametrize(("style", "era", "scene"), ASKED)
def test_a_request_of_any_method_has_one_true_record(
    played: Played, note: Note, style: Style, era: Era, scene: str
) -> None:
    run = played(stdio_runs.wire, style, era, "on")
    note(style, f"stdio {era}", scene, len(run.log.of(scene)), run.records(scene))
    assert run.faults(scene) == []


@pytest.mark.parametrize(("style", "era"), PAIRS)
def test_a_record_says_what_the_client_was_answered(played: Played, style: Style, era: Era) -> None:
    run = played(stdio_runs.wire, style, era, "on")
    names = {scene.name for scene in asked.rows(style, era)}
    answered = [made for made in run.log.made if made.scene in names]
    assert len(answered) == len(names)
    for made in answered:
        answer = json.loads(made.answer or "")
        (record,) = run.records_of(made)
        response = record.event["response"]
        assert (response["outcome"] == "success") == ("result" in answer), made.scene
        if response["status_code"] is not None:
            assert response["status_code"] == answer["error"]["code"], made.scene


@pytest.mark.parametrize(("style", "era"), PAIRS)
def test_arguments_of_any_method_go_by_name_type_and_size(played: Played, style: Style, era: Era) -> None:
    run = played(stdio_runs.wire, style, era, "on")
    assert run.params("prompts/get: ok") == [{"bytes": 3, "name": "name", "type": "string"}]
    assert run.params("completion/complete: of a prompt") == [{"bytes": 1, "name": "name", "type": "string"}]
    assert run.params("scenes/nope: unknown method") == [{"bytes": 13, "name": "secret", "type": "string"}]
    assert run.params("resources/read: ok") == run.params("tools/list: ok") == []
    written = b"".join(run.lines).decode()
    assert "of the client" not in written
    assert '"Ada"' not in written


@pytest.mark.parametrize("style", STYLES)
def test_a_sign_of_life_has_no_record(played: Played, style: Style) -> None:
    run = played(stdio_runs.wire, style, "legacy", "on")
    assert '"result":{}' in "".join(run.transcript)
    assert "ping" not in {record.event["request"]["method"] for record in kept(run.lines)}


@pytest.mark.parametrize("style", STYLES)
def test_a_tool_that_cannot_stop_has_one_record_when_it_is_cancelled(played: Played, note: Note, style: Style) -> None:
    run = played(stdio_runs.blocking, style, "on")
    scene = scenes.blocking(style).name
    note(style, "stdio legacy", scene, len(run.log.of(scene)), run.records(scene))
    assert run.faults(scene) == []
    assert run.faults(scenes.AFTERWARDS.name) == []


@pytest.mark.parametrize("era", ERAS)
def test_a_background_task_that_outlives_its_call_gets_its_own_record(played: Played, note: Note, era: Era) -> None:
    run = played(stdio_runs.wire, LEADING, era, "on")
    later = in_process(run.lines)
    note(LEADING, f"stdio {era}", scenes.LEAK.name, 2, [*run.records(scenes.LEAK.name), *later])
    assert run.faults(scenes.LEAK.name) == []
    assert [(record.event["tool"], record.event["response"]["outcome"]) for record in later] == [("echo", "success")]
    assert later[0].event["user"]["source"] == "none"


@pytest.mark.parametrize(("style", "era"), PAIRS)
def test_calls_made_are_records_kept(played: Played, style: Style, era: Era) -> None:
    leaked = scenes.own_calls(style)
    for run, own in ((played(stdio_runs.sdk, style, era), 0), (played(stdio_runs.wire, style, era, "on"), leaked)):
        result = reconcile(run.log, run.lines, in_process=own)
        assert result.agrees, str(result)
        assert result.resent == []


@pytest.mark.parametrize(("style", "era"), PAIRS)
def test_the_answers_are_the_same_to_the_byte_without_auditing(played: Played, style: Style, era: Era) -> None:
    audited = played(stdio_runs.wire, style, era, "on")
    unaudited = played(stdio_runs.wire, style, era, "off")
    assert kept(unaudited.lines) == []
    assert audited.transcript == unaudited.transcript
    # Answers to interrupted calls may overtake others.
    assert sorted(audited.stdout) == sorted(unaudited.stdout)


@pytest.mark.parametrize("style", STYLES)
def test_cancelling_ends_the_same_with_and_without_auditing(played: Played, style: Style) -> None:
    audited = played(stdio_runs.blocking, style, "on")
    unaudited = played(stdio_runs.blocking, style, "off")
    assert settled(style, audited) == settled(style, unaudited)
    assert audited.status == unaudited.status


def settled(style: Style, run: Run) -> list[str]:
    """What is answered the same in every run.

    Where a function holds the event loop, the kernel reads the cancellation while its answer is on its way out, and on
    a busy machine it answers that too: a race of the kernel's own, with and without auditing.
    """
    if not kernel.holds_loop(style):
        return sorted(run.stdout)
    (cancelled,) = run.log.of(scenes.blocking(style).name)
    races = json.loads(cancelled.key.partition("/")[2])
    return sorted(line for line in run.stdout if json.loads(line).get("id") != races)


@pytest.mark.parametrize(("style", "era"), PAIRS)
def test_stdout_carries_nothing_but_the_protocol(played: Played, style: Style, era: Era) -> None:
    run = played(stdio_runs.wire, style, era, "on")
    assert run.stdout
    assert {json.loads(line)["jsonrpc"] for line in run.stdout} == {"2.0"}


@pytest.mark.parametrize("style", STYLES)
def test_a_secret_in_answers_and_exceptions_is_in_nothing_of_ours(played: Played, style: Style) -> None:
    audited = played(stdio_runs.wire, style, "legacy", "on")
    unaudited = played(stdio_runs.wire, style, "legacy", "off")
    assert CANARY in "".join(audited.transcript)
    logs_crashes = style == "framework" and kernel.MODERN
    assert CANARY in unaudited.stderr or not logs_crashes
    files = [path for path in audited.folder.rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if CANARY.encode() in path.read_bytes()] == []
    assert audited.stderr.count(CANARY) == unaudited.stderr.count(CANARY)
