"""The journal's folder under a running server: damaged, gone, full. Calls go on, and the trail says what is missing."""

import shutil
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration import mounts, trail
from tests.integration.process import Session, eventually, exporting, scenes_server
from tests.receivers import HttpReceiver
from tests.scenes.log import ClientLog
from tests.scenes.processes import environment

Fault = Callable[[Path], object]


def stream_of(folder: Path) -> Path:
    """The one stream's folder."""
    (segment,) = folder.glob("*/000000000001.jsonl")
    return segment.parent


def newest(folder: Path, pattern: str) -> Path:
    return sorted(stream_of(folder).glob(pattern))[-1]


def replaced_by_an_empty_file(folder: Path) -> None:
    segment = newest(folder, "*.jsonl")
    empty = segment.with_name("empty")
    empty.touch()
    empty.rename(segment)


FAULTS: Final[dict[str, tuple[Fault, str]]] = {
    "rm of the open segment": (lambda folder: newest(folder, "*.jsonl").unlink(), "segment_deleted"),
    "an empty file put in the segment's place": (replaced_by_an_empty_file, "segment_replaced"),
    "rm of the lock file only": (lambda folder: (stream_of(folder) / "lock").unlink(), "lock_lost"),
    "rm of the start file only": (lambda folder: newest(folder, "*.starts").unlink(), "starts_lost"),
    "rm -r of the stream folder": (lambda folder: shutil.rmtree(stream_of(folder)), "folder_deleted"),
    "mv of the folder to another name": (
        lambda folder: stream_of(folder).rename(folder.parent / "moved"),
        "folder_moved",
    ),
    "rm -r of the whole journal folder": (shutil.rmtree, "folder_deleted"),
}
"""Case 017: what is done to the folder, and what the trail calls it. All of these cost no record."""


@dataclass
class Damaged:
    """A server whose folder was damaged in every way, one after the other."""

    log: ClientLog
    folder: Path
    gaps: dict[str, list[str]]
    status: int
    records: list[dict[str, Any]]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Generator[Damaged]:
    folder = tmp_path_factory.mktemp("damaged") / "journal"
    with HttpReceiver() as receiver:
        environ = exporting(folder, receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
        with scenes_server(environ) as server:
            session = Session(server)
            session.echo()
            gaps = {name: _gaps_after(fault, session, folder) for name, (fault, _) in FAULTS.items()}
            # What the cursor says is only how far the sink is: without it all is sent again.
            eventually(lambda: bool(list(stream_of(folder).glob("*.cursor"))), "the cursor is saved again")
            newest(folder, "*.cursor").unlink()
            session.echo("after the cursor was removed")
            status = server.leave()
        yield Damaged(session.log, folder, gaps, status, receiver.records())


def _gaps_after(fault: Fault, session: Session, folder: Path) -> list[str]:
    known = len(trail.gaps(folder))
    fault(folder)

    def noticed() -> bool:
        session.echo("after a fault")
        return folder.exists() and len(trail.gaps(folder)) > known

    eventually(noticed, "the trail says what happened to it")
    return [gap["reason"] for gap in trail.gaps(folder)[known:]]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_trail_says_what_was_done_to_its_folder(fault: str, damaged: Damaged) -> None:
    assert FAULTS[fault][1] in damaged.gaps[fault]


def test_after_every_fault_the_journal_is_whole_again(damaged: Damaged) -> None:
    assert damaged.status == 0
    trail.assert_kept(damaged.log, damaged.folder)
    trail.assert_sound(damaged.folder)


def test_after_every_fault_all_has_arrived(damaged: Damaged) -> None:
    trail.assert_complete(damaged.log, list(trail.bodies(damaged.records)))
    assert trail.undelivered(damaged.folder, damaged.records) == set()


def test_of_a_truncated_segment_gap_and_verify_tell_the_range(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with scenes_server(environment(folder)) as server:
        session = Session(server)
        for number in range(4):
            session.echo(f"number {number}")
        segment = newest(folder, "*.jsonl")
        lines = segment.read_bytes().splitlines(keepends=True)
        with segment.open("r+b") as file:  # the first line, the handshake, the first call, and half of the second
            file.truncate(sum(map(len, lines[:3])) + 100)
        session.echo("afterwards")
        assert server.leave() == 0
    (gap,) = trail.gaps(folder)
    assert (gap["reason"], gap["first_seq"], gap["last_seq"], gap["count"]) == ("segment_truncated", 4, 6, 3)
    (found,) = [finding for finding in trail.findings(folder) if finding.kind == "missing_seq"]
    assert (found.seq, found.last_seq) == (4, 6)
    assert len(trail.events(trail.lines(folder), "tool_call")) == 2


def test_on_a_full_disk_calls_go_on_and_the_gap_is_counted_when_there_is_room_again(tmp_path: Path) -> None:
    with mounts.small_disk(tmp_path / "disk") as disk:
        folder = disk / "journal"
        with scenes_server(environment(folder)) as server:
            session = Session(server)
            session.echo("while there is room")
            filler = mounts.fill(disk)
            for number in range(20):
                session.echo(f"{number} of many on a full disk")
            filler.unlink()
            session.echo("room again")
            assert server.leave() == 0
        kept = trail.events(trail.lines(folder), "tool_call")
        gaps = [gap for gap in trail.gaps(folder) if gap["reason"].startswith("not kept")]
        assert 2 <= len(kept) < len(session.log.calls)
        assert sum(gap["count"] for gap in gaps) == len(session.log.calls) - len(kept)
        assert "No space left" in gaps[0]["reason"]
        trail.assert_sound(folder)


def test_a_server_that_starts_on_a_full_disk_goes_down_the_ladder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with mounts.small_disk(tmp_path / "disk") as disk:
        (disk / "journal").mkdir(mode=0o700)
        mounts.fill(disk)
        with scenes_server(environment(disk / "journal", STATE_DIRECTORY=str(state)), style="lowlevel") as server:
            session = Session(server)
            session.echo()
            session.echo("again")
            assert server.leave() == 0
            assert "No space left" in server.stderr.text
        trail.assert_kept(session.log, state / "otel-mcp-audit")
        assert len(trail.streams(state / "otel-mcp-audit")) == 1


def test_a_disk_that_becomes_read_only_stops_no_call_and_is_said_afterwards(tmp_path: Path) -> None:
    with mounts.small_disk(tmp_path / "disk", size="1m") as disk:
        folder = disk / "journal"
        with scenes_server(environment(folder)) as server:
            session = Session(server)
            session.echo("writable")
            # A read-only remount is refused while files are open for writing: another one is laid over it.
            mounts.mount("-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(disk))
            for number in range(3):
                session.echo(f"{number} under a foreign volume")
            mounts.subprocess.run(["umount", str(disk)], check=True)
            eventually(lambda: bool(session.echo("back")) and len(trail.lines(folder)) > 2, "records again")
            assert server.leave() == 0
        kept = trail.events(trail.lines(folder), "tool_call")
        lost = sum(gap["count"] for gap in trail.gaps(folder) if gap["reason"].startswith("not kept"))
        assert len(kept) + lost == len(session.log.calls)
        trail.assert_sound(folder)


def test_two_servers_share_a_folder_and_each_has_its_own_stream(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with scenes_server(environment(folder)) as first, scenes_server(environment(folder)) as second:
        sessions = [Session(first), Session(second)]
        for number in range(5):
            for session in sessions:
                session.echo(f"number {number}")
        assert (first.leave(), second.leave()) == (0, 0)
    trail.assert_kept(ClientLog([made for session in sessions for made in session.log.made]), folder)
    assert len(trail.streams(folder)) == 2
    trail.assert_sound(folder)
