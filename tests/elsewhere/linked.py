"""Records that belong together, and the one question asked of tasks: tasks submitted = records, by id."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.integration import trail

Event = Mapping[str, Any]
Told = Mapping[str, Any]

CANARY: Final = "CANARY-4711"
"""What a tool says when it fails: nothing of it belongs into a trail."""

ASKED: Final = ("prompt_get", "resource_read", "tool_call")

ABOUT_THE_CALLER: Final = ("agent", "delegation", "server", "user")
OF_THE_REQUEST: Final = ("client_ip", "client_ip_source", "id", "id_source", "rpc_id", "session_id", "transport")


def calls(*folders: Path) -> list[Event]:
    """Every record in the folders of what was asked of a server, folder by folder in their order.

    What clients ask beside it, each in its own way (handshakes, lists, how a task is getting on), is left out.
    """
    found = [line["event"] for folder in folders for line in trail.lines(folder)]
    return [event for event in found if event["event_type"] in ASKED]


def by_link(events: Iterable[Event]) -> dict[str, list[Event]]:
    """The records that carry a link, by its id."""
    found: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        if "link" in event:
            found[event["link"]["id"]].append(event)
    return dict(found)


def told(output: str) -> list[Told]:
    """What a client printed of its tasks; other lines are its own affair."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def outcomes(events: Sequence[Event]) -> list[str]:
    """How they ended, with the error's type where there is one."""
    ended = [event["response"] for event in events]
    return [f"{end['outcome']} {end['error_type']}" if end["error_type"] else end["outcome"] for end in ended]


def assert_submitters(accepted: Event, run: Event) -> None:
    """The run of a task names who submitted it and by which request."""
    for name in ABOUT_THE_CALLER:
        assert run[name] == accepted[name], name
    assert {name: run["request"][name] for name in OF_THE_REQUEST} == {
        name: accepted["request"][name] for name in OF_THE_REQUEST
    }
