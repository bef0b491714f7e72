"""The system's clock set back and far forward under running servers: order, ids, durations and delivery stay right."""

import uuid
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.integration import trail
from tests.integration.process import Process, Session, call, eventually, scenes_server
from tests.receivers import HttpReceiver
from tests.require import witness
from tests.starts import running
from tests.starts.running import Left

BACK: Final = "-2d"
FORWARD: Final = "+3650d"
TRUE: Final = "+0"


class Clock:
    """What time processes believe it is; changes under them while they run. Only the wall clock is bent."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._file = folder / "clock"
        self.variables = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        self.set(TRUE)

    def set(self, offset: str) -> None:
        """Set it, relative to the true time; whole at once, for it is read all the time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset}\n", encoding="utf-8")
        new.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    witness("libfaketime", library, "install the system's package faketime")
    assert library
    return Clock(tmp_path, library)


def test_a_clock_that_jumps_under_a_server_bends_its_timestamps_and_nothing_else(clock: Clock, tmp_path: Path) -> None:
    left = Left(mode="stdio: clock set back and forward", folder=tmp_path / "journal")
    with HttpReceiver() as receiver:
        environ = running.environment(left.folder, receiver, **clock.variables)
        with scenes_server(environ) as server:
            session = Session(server)
            left.log, left.pid = session.log, server.pid
            for number, offset in enumerate((BACK, FORWARD, TRUE)):
                session.wire.begin(call("slow", "slow", seconds=0.5, tag=f"at-{number}"))
                server.await_start(f"at-{number}")
                clock.set(offset)
                session.echo(offset)
                eventually(lambda: _received(receiver) == len(session.log.calls), "delivered under the bent clock")
            left.status = server.leave()
        left.records = receiver.records()
    left.assert_whole()
    calls = trail.events(left.lines, "tool_call")
    assert len({event["id"] for event in calls}) == len(calls) == 6
    assert {uuid.UUID(event["id"]).version for event in calls} == {7}
    assert all(0 <= event["response"]["duration_us"] < 30_000_000 for event in calls)
    years = [int(event["timestamp"][:4]) for event in sorted(calls, key=lambda event: event["request"]["rpc_id"])]
    assert max(years) - min(years) in {9, 10}  # it did jump
    assert sorted(years) != years


def _received(receiver: HttpReceiver) -> int:
    return len({record["body"] for record in receiver.records() if '"event_type":"tool_call"' in str(record["body"])})


def _neighbour(clock: Clock, offset: str, environ: Mapping[str, str]) -> Process:
    """A server that is started, and lives, in another time."""
    clock.set(offset)
    return scenes_server(environ)


def test_neighbours_in_another_time_neither_take_a_living_stream_nor_miss_an_orphan(
    clock: Clock, tmp_path: Path
) -> None:
    folder = tmp_path / "journal"
    with HttpReceiver() as receiver:
        environ = running.environment(folder, receiver, **clock.variables)
        with scenes_server(environ) as server, _neighbour(clock, FORWARD, environ) as ahead:
            session = Session(server)
            session.wire.begin(call("in flight", "slow", "unknown", seconds=60, tag="waiting"))
            server.await_start("waiting")
            later = Session(ahead)
            later.echo()
            eventually(lambda: _received(receiver) == 1, "the neighbour's is delivered")
            session.echo()  # its stream is still its own
            assert ahead.leave() == 0
            server.kill()
        with _neighbour(clock, BACK, environ) as behind:
            earlier = Session(behind)
            eventually(lambda: _received(receiver) == 3, "the orphan's are delivered")
            earlier.echo()
            assert behind.leave() == 0
        arrived = list(trail.bodies(receiver.records()))
    session.log.made.extend([*later.log.made, *earlier.log.made])
    trail.assert_complete(session.log, arrived)
    trail.assert_kept(session.log, folder)
    trail.assert_sound(folder)
    stops = Counter(stop["trail"]["reason"] for stop in trail.events(trail.lines(folder), "audit_stop"))
    assert stops == {"exit": 2, "the owner is gone": 1}
