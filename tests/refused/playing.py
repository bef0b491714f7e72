"""A program is started, every attempt is made at every transport, the program is ended."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.refused.application import TRANSPORTS
from tests.refused.attempts import CELLS, request_id
from tests.refused.knocking import Door
from tests.scenes.kernel import LEADING
from tests.scenes.processes import ServerProcess, environment
from tests.scenes.reconcile import journal_lines

SCRIPT: Final = Path(__file__).with_name("application.py")
SINGLY: Final = {"OTEL_MCP_AUDIT_REFUSALS": "10000/1m"}
"""All attempts come from one peer."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Played:
    """What is left of a run: the status of each attempt by its request id, the records, what the server said."""

    statuses: dict[str, int]
    events: list[Event]
    stderr: str

    def of(self, request: str) -> list[Event]:
        """The records of one request."""
        return [event for event in self.events if event["request"]["id"] == request]


def serving(folder: Path, **changes: str) -> ServerProcess:
    """The program, started with its journal in ``folder``."""
    return ServerProcess(LEADING, "", environment(folder, **changes), SCRIPT)


def events(folder: Path) -> list[Event]:
    """What the journal has, but for records about the trail itself."""
    found = [json.loads(line)["event"] for line in journal_lines(folder)]
    return [event for event in found if not event["event_type"].startswith("audit_")]


def play(folder: Path) -> Played:
    """Make every attempt."""
    statuses: dict[str, int] = {}
    with serving(folder, **SINGLY) as server:
        for transport in TRANSPORTS:
            door = Door(server.port(), transport)
            door.open()
            for name, attempt in CELLS:
                if name == transport:
                    statuses[request_id(name, attempt)] = door.knock(attempt.knock, request_id(name, attempt))
            door.close()
        server.terminate()
    return Played(statuses, events(folder), server.stderr.text)
