"""Exactly one true record for every call where client and server share a process."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.scenes import inprocess, memory_runs, scenes
from tests.scenes.conftest import Note
from tests.scenes.kernel import PAIRS, Era, Style
from tests.scenes.log import CALL, Identity, Made
from tests.scenes.memory_runs import MemoryRun
from tests.scenes.reconcile import faults

IN_PROCESS = {name: ["none"] for name in (inprocess.IN_PROCESS, inprocess.IN_PROCESS_UNKNOWN, *memory_runs.OWN)}
TRANSPORTS = {**IN_PROCESS, scenes.LEAK.name: ["memory", "none"]}

ROWS = [(style, era, name) for style, era in PAIRS for name in memory_runs.expectations(style, era)]


@pytest.mark.parametrize(("style", "era", "scene"), ROWS)
def test_each_call_leaves_one_true_record(
    played: Callable[..., Any], note: Note, style: Style, era: Era, scene: str
) -> None:
    run: MemoryRun = played(memory_runs.memory, style, era)
    records = run.left[scene]
    expected = memory_runs.expectations(style, era)[scene]
    note(style, f"memory {era}", scene, len(expected), records)
    assert [record.event["response"]["outcome"] for record in records] == [each.outcome for each in expected]
    for record, each in zip(records, expected, strict=True):
        event = record.event
        method, sent = memory_runs.SENT.get(scene, (CALL, {"name": event["tool"]}))
        anonymous = Identity("anonymous")
        made = Made(key="", scene=scene, sent=sent, expected=each, identity=anonymous, method=method)
        assert faults(made, event) == []
    transports = [record.event["request"]["transport"] for record in records]
    assert transports == TRANSPORTS.get(scene, ["memory"] * len(expected))


@pytest.mark.parametrize(("style", "era"), PAIRS)
def test_a_connection_begins_with_one_record(played: Callable[..., Any], style: Style, era: Era) -> None:
    run: MemoryRun = played(memory_runs.memory, style, era)
    records = run.left[scenes.HANDSHAKE.name]
    asks = "server/discover" if era == "modern" else "initialize"
    assert [(record.event["event_type"], record.event["request"]["method"]) for record in records] == [
        ("initialize", asks)
    ]


@pytest.mark.parametrize(("style", "era"), PAIRS)
def test_an_in_process_caller_is_nobody_in_particular(played: Callable[..., Any], style: Style, era: Era) -> None:
    run: MemoryRun = played(memory_runs.memory, style, era)
    sources = {record.event["user"]["source"] for records in run.left.values() for record in records}
    assert sources == {"none"}
