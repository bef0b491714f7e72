"""The end of the process: bounded, with the status it would have without us, and nothing lost by it."""

import json
import signal
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from tests.integration import trail
from tests.integration.process import Process, Session, call, command_line, eventually, exporting, scenes_server
from tests.receivers import HttpReceiver
from tests.receivers.behaviour import hang, ok, status
from tests.scenes.accounts import ALICE
from tests.scenes.http_wire import HttpWire
from tests.scenes.log import ClientLog

Way = Literal["stdin", "sigterm", "uvicorn"]
Health = Literal["healthy", "refusing", "hanging"]

ENDS: Final[tuple[tuple[Way, Health], ...]] = (
    *(("stdin", health) for health in ("healthy", "refusing", "hanging")),
    *(("sigterm", health) for health in ("healthy", "refusing", "hanging")),
    *(("uvicorn", health) for health in ("healthy", "hanging")),
)
STATUS: Final[dict[Way, int]] = {"stdin": 0, "sigterm": -signal.SIGTERM, "uvicorn": -signal.SIGTERM}
BEHAVIOURS: Final = {"healthy": ok, "refusing": lambda: status(503), "hanging": hang}

HELD_UP: Final = 1.5
"""Seconds that the end of the process may be held up."""

MARGIN: Final = 3.0
"""Seconds on top, for what the process takes by itself on a busy machine: the endpoint's own timeout is 35."""


@dataclass
class Ended:
    """A server that has ended, and what it left behind."""

    way: Way
    health: Health
    folder: Path
    log: ClientLog
    status: int
    seconds: float
    records: list[dict[str, Any]]
    environ: dict[str, str]
    receiver: HttpReceiver

    def outcome(self, scene: str) -> list[str]:
        """The outcomes on record of the calls of one scene."""
        events = trail.events(trail.lines(self.folder), "tool_call")
        keys = [made.key for made in self.log.of(scene)]
        request = {key: key.rpartition("/")[2] for key in keys}
        return [
            event["response"]["outcome"]
            for event in events
            if event["request"]["id"] in request or event["request"]["rpc_id"] in request.values()
        ]


IN_FLIGHT: Final = call("in flight", "slow", "aborted", seconds=2.5, tag="in-flight")


def by_stdin(server: Process) -> tuple[ClientLog, Callable[[], int]]:
    session = Session(server)
    session.echo()
    return session.log, server.leave


def by_sigterm(server: Process) -> tuple[ClientLog, Callable[[], int]]:
    session = Session(server)
    session.echo()
    session.wire.begin(IN_FLIGHT)
    server.await_start("in-flight")
    return session.log, server.terminate


def by_uvicorn(server: Process) -> tuple[ClientLog, Callable[[], int]]:
    log = ClientLog()
    wire = HttpWire(server.port(), "alice", ALICE, log, "legacy")
    wire.connect()
    wire.call(call("echo", "echo", text="hello"))
    return log, server.terminate


DRIVERS: Final = {"stdin": by_stdin, "sigterm": by_sigterm, "uvicorn": by_uvicorn}


@pytest.fixture(
    scope="module",
    params=ENDS,
    ids="-".join,
)
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Ended]:
    way, health = request.param
    folder = tmp_path_factory.mktemp(way) / "journal"
    # Only the trail's own export: what the SDK's exporters wait for at their exit is not ours to bound.
    others = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"), "none")
    with HttpReceiver(behaviour=BEHAVIOURS[health]()) as receiver:
        environ = exporting(folder, receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", **others)
        environ["OTEL_LOGS_EXPORTER"] = "none"  # the application's own logs
        environ["OTEL_MCP_AUDIT_SINKS"] = "otlp"
        with scenes_server(environ, "http" if way == "uvicorn" else "stdio") as server:
            log, end = DRIVERS[way](server)
            begun = time.monotonic()
            code = end()
            seconds = time.monotonic() - begun
        yield Ended(way, health, folder, log, code, seconds, receiver.records(), environ, receiver)


def test_the_end_is_held_up_only_so_long_and_the_status_is_as_without_us(ended: Ended) -> None:
    assert ended.seconds < HELD_UP + MARGIN
    assert ended.status == STATUS[ended.way]


def test_every_call_has_one_record_when_the_process_is_gone(ended: Ended) -> None:
    trail.assert_kept(ended.log, ended.folder)
    trail.assert_sound(ended.folder)


def test_only_a_healthy_endpoint_has_got_everything_before_the_end(ended: Ended) -> None:
    left = trail.undelivered(ended.folder, ended.records)
    assert bool(left) == (ended.health != "healthy")


def test_a_call_in_flight_at_a_signal_is_aborted(ended: Ended) -> None:
    assert ended.outcome("in flight") == {"sigterm": ["aborted"]}.get(ended.way, [])


def test_the_stream_says_why_it_stopped(ended: Ended) -> None:
    reasons = [event["trail"]["reason"] for event in trail.events(trail.lines(ended.folder), "audit_stop")]
    assert reasons == {"stdin": ["exit"], "sigterm": ["signal"], "uvicorn": ["server stopped"]}[ended.way]


def test_what_is_left_arrives_by_ship_each_record_once(ended: Ended) -> None:
    """The last test of a server: from now on its endpoint is healthy."""
    ended.receiver.behave(ok())
    shipped = command_line("ship", "--json", "--timeout", "10", "--dir", str(ended.folder), environ=ended.environ)
    assert shipped.returncode == 0, shipped.stderr
    assert json.loads(shipped.stdout)["pending"] == 0
    assert trail.undelivered(ended.folder, ended.receiver.records()) == set()
    trail.assert_complete(ended.log, list(trail.bodies(ended.receiver.records())))


def test_what_is_left_arrives_with_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with HttpReceiver(behaviour=status(503)) as receiver:
        environ = exporting(folder, receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
        with scenes_server(environ) as server:
            first = Session(server)
            first.echo()
            server.leave()
        assert not receiver.records()
        receiver.behave(ok())
        with scenes_server(environ) as server:
            second = Session(server)
            eventually(lambda: not trail.undelivered(folder, receiver.records()), "what was left has arrived")
            server.leave()
        assert trail.undelivered(folder, receiver.records()) == set()
        both = ClientLog([*first.log.made, *second.log.made])
        trail.assert_complete(both, list(trail.bodies(receiver.records())))


OUTCOMES: Final = {
    "finishes": {"success"},
    # Whether anything still sees the call end is a race between the kernel and the second signal.
    "is cut off": {"disconnected", "unknown"},
}


@pytest.mark.parametrize("grace", OUTCOMES)
def test_a_call_in_flight_at_uvicorns_end_is_what_the_kernel_made_of_it(tmp_path: Path, grace: str) -> None:
    folder = tmp_path / "journal"
    environ = exporting(folder, "http://127.0.0.1:1", OTEL_MCP_AUDIT_SINKS="none", OTEL_SDK_DISABLED="true")
    seconds = 0.3 if grace == "finishes" else 60.0
    log = ClientLog()
    with scenes_server(environ, "http") as server:
        wire = HttpWire(server.port(), "alice", ALICE, log, "legacy")
        wire.connect()
        in_flight = wire.begin(call("in flight", "slow", seconds=seconds, tag="x"))
        server.await_start("x")
        server.send(signal.SIGTERM)
        if grace == "is cut off":
            server.stderr.await_line(lambda line: b"Shutting down" in line)
            server.send(signal.SIGINT)  # how an operator insists
        server.ended()
        in_flight.drop()
    if not trail.events(trail.lines(folder), "tool_call"):  # nothing ran after the second signal: the next start knows
        with scenes_server(environ, "http") as following:
            following.port()
            eventually(lambda: bool(trail.events(trail.lines(folder), "tool_call")), "the stream is finished")
    (event,) = trail.events(trail.lines(folder), "tool_call")
    assert (event["request"]["id"], event["user"]["id"]) == (log.calls[0].key, "alice")
    assert event["response"]["outcome"] in OUTCOMES[grace]
