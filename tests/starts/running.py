"""A server started in some way, the calls of real clients, its end, and what all of that left behind."""

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import anyio

from otel_mcp_audit import verify
from tests.integration import trail
from tests.integration.process import ROOT, Process, call, command_line, eventually, exporting
from tests.receivers import HttpReceiver
from tests.scenes import client, kernel
from tests.scenes.accounts import ACCOUNTS, Account
from tests.scenes.client import Caller
from tests.scenes.log import ClientLog, Identity
from tests.scenes.reconcile import journal_lines, received_lines, reconcile
from tests.scenes.scenes import Scene

BIN: Final = Path(sys.executable).parent
INSTRUMENT: Final = str(BIN / "opentelemetry-instrument")
APPLICATION: Final = "tests.starts.application:app"
RESULTS: Final = "AUDIT_STARTS"
"""Variable: the file that the rows of the table are appended to."""

CLIENTS: Final = 6
CALLS_EACH: Final = 5
CALLS: Final = CLIENTS * CALLS_EACH

_LISTENS: Final = re.compile(rb"http://127\.0\.0\.1:(\d+)")


class Launched(Process):
    """A server behind any command: the process that was started, and all that it started in turn.

    Args:
        line: the command line.
        environ: the environment.
        options: as ``Popen`` names them.
    """

    def __init__(self, line: Sequence[str], environ: Mapping[str, str], **options: Any) -> None:
        super().__init__(list(line), environ, start_new_session=True, **({"cwd": ROOT} | options))

    def __enter__(self) -> "Launched":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, 9)  # workers too, whoever their parent is by now
        super().__exit__()

    def port(self) -> int:
        """The port that it took, wherever it says so."""
        listens = _LISTENS.search(self.stderr.await_line(lambda line: bool(_LISTENS.search(line))))
        assert listens
        return int(listens[1])

    @property
    def descendants(self) -> set[int]:
        """Process ids of all that belong to its session and have not ended, itself among them."""
        found: set[int] = set()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                state, _, _, session = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[:4]
                if int(session) == self.pid and state != "Z":
                    found.add(int(stat.parent.name))
        return found


@dataclass(kw_only=True)
class Left:
    """What a start left behind.

    Attributes:
        mode: how the server was started.
        folder: the journal's.
        log: the clients'.
        records: what the receiver has in the end, ``ship`` having been called for what the end left over.
        pid: of the process that was started.
        status: its exit status.
        stderr: all that was written there.
        in_process: how many calls the processes made of their own functions.
    """

    mode: str
    folder: Path
    log: ClientLog = field(default_factory=ClientLog)
    records: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    pid: int = 0
    status: int | None = None
    stderr: str = ""
    in_process: int = 0

    @cached_property
    def lines(self) -> list[trail.Line]:
        """The journal."""
        return trail.lines(self.folder)

    @property
    def writers(self) -> list[int]:
        """The process id that each stream's first line names."""
        return [start["trail"]["pid"] for start in trail.events(self.lines, "audit_start")]

    def writers_now(self) -> list[int]:
        """The same, while they still run."""
        return [start["trail"]["pid"] for start in trail.events(trail.lines(self.folder), "audit_start")]

    @property
    def servers(self) -> set[int]:
        """The processes that have records of clients' calls."""
        pids = {
            line["chain"]["stream"]: line["event"]["trail"]["pid"]
            for line in self.lines
            if line["event"]["event_type"] == "audit_start"
        }
        calls = [line for line in self.lines if line["event"]["event_type"] == "tool_call"]
        return {pids[line["chain"]["stream"]] for line in calls if line["event"]["request"]["transport"] != "none"}

    @property
    def reasons(self) -> list[str]:
        """Why the streams stopped."""
        return [stop["trail"]["reason"] for stop in trail.events(self.lines, "audit_stop")]

    def outcomes(self) -> Counter[str]:
        """The outcomes on record of the clients' calls."""
        calls = trail.events(self.lines, "tool_call")
        return Counter(call["response"]["outcome"] for call in calls if call["request"]["transport"] != "none")

    def assert_whole(self) -> None:
        """Each call has one record in the journal and at the receiver; each process one stream; all chains verify."""
        kept, received = journal_lines(self.folder), list(trail.bodies(self.records))
        trail.assert_complete(self.log, received, in_process=self.in_process)
        trail.assert_kept(self.log, self.folder, in_process=self.in_process)
        assert {line.rstrip(b"\n") for line in kept} == {line.rstrip(b"\n") for line in received}
        assert max(Counter(self.writers).values()) == 1
        assert len(trail.streams(self.folder)) == len(self.writers)
        trail.assert_sound(self.folder)
        self._report()

    def _report(self) -> None:
        """A row of the table."""
        if RESULTS not in os.environ:
            return
        report = verify.verify([self.folder])
        row = {
            "mode": self.mode,
            "calls": len(self.log.calls) + self.in_process,
            "records": len(trail.events(self.lines, "tool_call")),
            "received": len(
                {line["event"]["id"] for line in map(json.loads, received_lines(self.records)) if _call(line)}
            ),
            "streams": report.streams,
            "servers": len(self.servers),
            "outcomes": dict(self.outcomes()),
            "stops": self.reasons,
            "status": self.status,
            "verify": "sound" if report.ok else [finding.kind for finding in report.findings],
            "agrees": reconcile(self.log, journal_lines(self.folder), in_process=self.in_process).agrees,
        }
        with Path(os.environ[RESULTS]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _call(line: Mapping[str, Any]) -> bool:
    return line["event"]["event_type"] == "tool_call"


def environment(folder: Path, receiver: HttpReceiver, **changes: str) -> dict[str, str]:
    """What an operator sets: one endpoint for the trail; the rest of the SDK's signals stay at home."""
    quiet = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"), "none")
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    protocol = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_LOGS_EXPORTER": "otlp", "PATH": path}
    return exporting(folder, receiver.endpoint, **protocol, **quiet) | changes


def call_all(port: int, log: ClientLog) -> None:
    """Six clients at once, five calls each, of three users."""
    anyio.run(_six_clients, port, log)


async def _six_clients(port: int, log: ClientLog) -> None:
    async def one(number: int, account: Account) -> None:
        caller = Caller(f"client-{number}", Identity(account.user, account.tenant), kernel.ERAS[-1], log)
        async with client.over_http(port, account.token, caller) as conversation:
            for each in _scenes(number):
                await conversation.call(each)

    async with anyio.create_task_group() as clients:
        for number in range(CLIENTS):
            clients.start_soon(one, number, ACCOUNTS[number % len(ACCOUNTS)])


def _scenes(number: int) -> list[Scene]:
    """Tools that run in a thread and tools that run in the event loop."""
    waiting = scene("slow", seconds=0.01, tag=f"{number}")
    return [scene("echo", text="a"), waiting, scene("rows", n=2), waiting, scene("echo", text="b")]


def scene(tool: str, outcome: str = "success", **arguments: object) -> Scene:
    """A call of which only the outcome is expected, named by its tool."""
    return call(tool, tool, outcome, **arguments)


def finish(left: Left, receiver: HttpReceiver, environ: Mapping[str, str]) -> Left:
    """What the end of the servers left undelivered goes by ``ship``; then all is looked at."""
    if trail.undelivered(left.folder, receiver.records()):
        ship(left, environ)
    left.records = receiver.records()
    return left


def ship(left: Left, environ: Mapping[str, str]) -> None:
    """Finish what nobody finished, and deliver it."""
    shipped = command_line("ship", "--json", "--timeout", "20", "--dir", str(left.folder), environ=environ)
    assert shipped.returncode == 0, shipped.stderr


def await_servers(folder: Path, servers: int) -> None:
    """Wait until so many processes have begun their streams."""
    eventually(lambda: len(trail.events(trail.lines(folder), "audit_start")) >= servers, "all serve")


def thirty_calls(mode: str, line: Sequence[str], folder: Path, servers: int, **changes: str) -> Left:
    """Start it, have the six clients call, send SIGTERM to the process that was started, and see what is left.

    Args:
        mode: its name.
        line: the command line.
        folder: empty; the journal is made in it.
        servers: how many processes will serve; calls begin when each of them has its stream.
        changes: variables of its own.
    """
    journal = folder / "journal"
    left = Left(mode=mode, folder=journal)
    with HttpReceiver() as receiver:
        environ = environment(journal, receiver, **changes)
        with Launched(line, environ) as server:
            port = server.port()
            await_servers(journal, servers)
            call_all(port, left.log)
            left.pid, left.status = server.pid, server.terminate()
            eventually(lambda: server.descendants <= {server.pid}, "all have ended")
        left.stderr = server.stderr.text
        return finish(left, receiver, environ)
