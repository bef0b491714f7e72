"""What is left of a whole run of scenes: a server was started, clients played, the server ended."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from tests.scenes.log import ClientLog, Made
from tests.scenes.processes import ServerProcess, environment
from tests.scenes.reconcile import Kept, journal_lines, kept, reconcile, records_of

Auditing = Literal["on", "off"]

_RECORDS_WITHIN: Final = 5.0
"""Seconds within which a call that has no answer to wait for must have its record."""


@dataclass(kw_only=True)
class Run:
    """What is left of a run.

    Attributes:
        folder: the journal's.
        log: the client's.
        transcript: the answers to the wire's calls, in the order asked for.
        stdout: every line that the server wrote there.
        stderr: all that it wrote there.
        status: its exit status.
    """

    folder: Path
    log: ClientLog = field(default_factory=ClientLog)
    transcript: list[str] = field(default_factory=list[str])
    stdout: list[str] = field(default_factory=list[str])
    stderr: str = ""
    status: int | None = None

    def records(self, scene: str) -> list[Kept]:
        """The records of a scene's calls."""
        records = kept(self.lines)
        return [record for made in self.log.of(scene) for record in records_of(made, records)]

    def records_of(self, made: Made) -> list[Kept]:
        """The records of one request."""
        return records_of(made, kept(self.lines))

    def params(self, scene: str) -> object:
        """The parameters on record of a scene's only request."""
        (record,) = self.records(scene)
        lines = (json.loads(line) for line in self.lines)
        return next(line["params"] for line in lines if line["event"]["id"] == record.id)

    def faults(self, scene: str) -> list[str]:
        """What is missing, doubled or untrue among the records of a scene's calls."""
        calls = ClientLog(self.log.of(scene))
        assert calls.made, f"nobody played {scene!r}"
        result = reconcile(calls, self.lines)
        return [*result.missing, *result.doubled, *result.wrong]

    @property
    def lines(self) -> list[bytes]:
        """The journal's lines."""
        return journal_lines(self.folder)

    def closed(self, server: ServerProcess) -> "Run":
        """With what an ended server has said."""
        self.stdout = [line.decode() for line in server.stdout.lines]
        self.stderr = server.stderr.text
        self.status = server.ended()
        return self


def switched(folder: Path, auditing: Auditing, **changes: str) -> dict[str, str]:
    """The environment of a server whose operator has switched auditing on or off."""
    off = {"OTEL_MCP_AUDIT_DISABLED": "true"} if auditing == "off" else {}
    return environment(folder, **off, **changes)


def await_records(run: Run) -> None:
    """Wait until every call in the log has a record."""

    def all_there() -> bool:
        records = kept(run.lines)
        return all(records_of(made, records) for made in run.log.made)

    await_condition(all_there)


def await_condition(holds: Callable[[], bool]) -> None:
    """Wait until it holds, for as long as a record may take; the tests then say what is missing."""
    deadline = time.monotonic() + _RECORDS_WITHIN
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
