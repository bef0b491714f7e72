"""Requests of any method in which a client chose everything badly: one small record each, and the server goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration import trail
from tests.integration.process import Session, environment, eventually, scenes_server
from tests.scenes import kernel
from tests.scenes.kernel import STYLES, Style

MEGABYTE: Final = 1_000_000
STRANGE_METHODS: Final = 300
LINE_LIMIT: Final = 16 * 1024


def hostile() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Id, method and parameters of each."""
    yield "long uri", "resources/read", {"uri": "scenes://" + "a" * MEGABYTE}
    yield "long method", "m" * MEGABYTE, {}
    yield "controls", "prompts/get", {"name": "\x1b[31mred\x00", "arguments": {}}
    yield "no text for a name", "prompts/get", {"name": 7}
    yield "no text for a uri", "resources/read", {"uri": ["scenes://text"]}
    yield "arguments no object", "prompts/get", {"name": "greet", "arguments": "Ada"}
    yield "level no level", "logging/setLevel", {"level": {"deep": [1] * 1000}}
    yield "ref no object", "completion/complete", {"ref": "greet", "argument": "n"}
    yield "twice", "resources/read", {"uri": "scenes://waiting" if kernel.CUTS_OFF else "scenes://text"}
    yield "twice", "resources/read", {"uri": "scenes://text"}
    for number in range(STRANGE_METHODS):
        yield f"strange {number}", f"strange/{number}", {"n": number}


@pytest.mark.parametrize("style", STYLES)
def test_each_has_one_small_record_and_the_server_goes_on(style: Style, tmp_path: Path) -> None:
    sent = list(hostile())
    with scenes_server(environment(tmp_path / "journal"), style=style) as server:
        session = Session(server)
        for rpc_id, method, params in sent:
            session.wire.send({"jsonrpc": "2.0", "id": rpc_id, "method": method, "params": params})
        session.echo("still here")
        expected = len(sent) + len(session.log.made)
        eventually(lambda: len(requests(tmp_path)) >= expected - 1, "all but the one that waits are on record")
        assert server.leave() == 0
    found = requests(tmp_path)
    assert len(found) == expected
    ids = sorted(json.loads(event["request"]["rpc_id"]) for event in found)
    made = [json.loads(each.key.partition("/")[2]) for each in session.log.made]
    assert ids == sorted([*made, *(rpc_id for rpc_id, _, _ in sent)])
    assert max(len(json.dumps(line)) for line in trail.lines(tmp_path / "journal")) < LINE_LIMIT
    assert max(len(event["request"]["method"]) for event in found) == 256
    assert "\x1b" not in json.dumps(found, ensure_ascii=False)
    strange = [event for event in found if event["request"]["method"].startswith("strange/")]
    assert {event["response"]["outcome"] for event in strange} == {"not_found"}
    trail.assert_sound(tmp_path / "journal")


def requests(folder: Path) -> list[dict[str, Any]]:
    """The records of requests."""
    events = (line["event"] for line in trail.lines(folder / "journal"))
    return [event for event in events if not event["event_type"].startswith("audit_")]
