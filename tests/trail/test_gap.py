"""``audit_gap``: whatever is missing from a trail, or was done to it, the trail says so itself, and goes on."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

from otel_mcp_audit import AuditRecord
from otel_mcp_audit.journal import Cursor, disk, home
from tests.integration import trail
from tests.integration.process import eventually
from tests.journal.ordinary import needs_root
from tests.noted import Note
from tests.trail.begun import begin


def calls(auditor: Any, count: int = 1) -> None:
    for _ in range(count):
        with auditor.call("t", {}):
            pass


def recorded(folder: Path) -> int:
    return len(trail.events(trail.lines(folder), "tool_call"))


def gaps(folder: Path) -> list[tuple[str, int]]:
    return [(gap["reason"], gap["count"]) for gap in trail.gaps(folder)]


class Down:
    """A sink that takes nothing."""

    def write(self, records: Sequence[AuditRecord]) -> NoReturn:
        raise ConnectionError

    def close(self) -> None:
        return


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 256 KiB, with ballast that can be thrown off."""
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=256k", "tmpfs", folder], check=True)
    (folder / "ballast").write_bytes(bytes(100_000))
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@needs_root
def test_a_full_disk_is_a_gap_as_wide_as_the_calls_without_a_record(small_disk: Path, note: Note) -> None:
    auditor = begin(small_disk)
    calls(auditor, 200)
    lost = 200 - recorded(small_disk)
    assert lost > 0
    (small_disk / "ballast").unlink()
    calls(auditor)
    auditor.close()
    assert sum(count for _, count in gaps(small_disk)) == lost == 201 - recorded(small_disk)
    assert {reason for reason, _ in gaps(small_disk)} == {"not kept: No space left on device"}
    trail.assert_sound(small_disk)
    note("audit_gap", "the disk is full (a real one)", "not kept: No space left on device; count = calls − records")


def test_a_budget_full_of_what_no_sink_takes_is_a_gap(folder: Path, note: Note) -> None:
    auditor = begin(folder, max_bytes=65536, sinks=[Down()])
    calls(auditor, 80)
    auditor.close(0.0)
    lost = 80 - recorded(folder)
    assert 0 < lost < 80
    assert sum(count for _, count in gaps(folder)) == lost
    assert all(reason.startswith("not kept: the journal's 65536 bytes are full") for reason, _ in gaps(folder))
    trail.assert_sound(folder)
    note("audit_gap", "the disk budget is full of undelivered records", "not kept: the journal's … bytes are full …")


class Hostile(dict[str, object]):
    """Arguments that nobody can look at."""

    def items(self) -> NoReturn:  # pyright: ignore[reportIncompatibleMethodOverride] -- it is hostile
        raise RuntimeError("CANARY")


def test_calls_that_could_not_be_opened_are_a_gap(folder: Path, note: Note) -> None:
    auditor = begin(folder)
    for _ in range(2):
        with auditor.call("t", Hostile()):
            pass
    auditor.close()
    reason = "not kept: could not be opened; the server's log says why"
    assert gaps(folder) in ([(reason, 2)], [(reason, 1), (reason, 1)])
    note("audit_gap", "a call cannot even be opened", reason)


def eio(*_: object) -> NoReturn:
    raise OSError(5, os.strerror(5))


def bend_writes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disk.calls, "write", eio)


def bend_syncs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disk.calls, "sync", eio)


FAILING: Final = {
    "every write fails (EIO)": (bend_writes, "process", {"not kept: Input/output error": 1}),
    "every sync fails (EIO), with power": (bend_syncs, "power", {"not kept: Input/output error": 1, "sync_failed": 0}),
}


@pytest.mark.parametrize("fault", FAILING)
def test_a_disk_that_fails_during_a_call_is_a_gap(
    fault: str, folder: Path, monkeypatch: pytest.MonkeyPatch, note: Note
) -> None:
    bend, durability, expected = FAILING[fault]
    auditor = begin(folder, durability=durability)
    with auditor.call("t", {}), monkeypatch.context():
        bend(monkeypatch)
    monkeypatch.undo()
    calls(auditor)
    auditor.close()
    assert dict(gaps(folder)) == expected
    trail.assert_sound(folder)
    note("audit_gap", f"in a call, {fault}", "; ".join(f"{reason}, count {lost}" for reason, lost in expected.items()))


def segment(stream: Path) -> Path:
    return sorted(stream.glob("*.jsonl"))[-1]


def starts(stream: Path) -> Path:
    return sorted(stream.glob("*.starts"))[-1]


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def keep_lines(path: Path, count: int) -> None:
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:count]))


def cut_under(stream: Path) -> None:
    os.truncate(segment(stream), len(segment(stream).read_bytes().splitlines(keepends=True)[0]))


def replace(stream: Path) -> None:
    path = segment(stream)
    path.unlink()
    path.touch()


UNDER: Final[dict[str, tuple[Callable[[Path], object], str, int]]] = {
    "its segment is deleted": (lambda stream: segment(stream).unlink(), "segment_deleted", 0),
    "its segment is moved": (lambda stream: segment(stream).rename(stream / "elsewhere"), "segment_moved", 0),
    "its segment is replaced by an empty one": (replace, "segment_replaced", 0),
    "its segment is cut off": (cut_under, "segment_truncated", 3),
    "bytes are added to its segment": (lambda stream: append(segment(stream), b"foreign"), "foreign_bytes", 0),
    "its start file is deleted": (lambda stream: starts(stream).unlink(), "starts_lost", 0),
    "its lock is deleted": (lambda stream: (stream / "lock").unlink(), "lock_lost", 0),
    "its folder is deleted": (shutil.rmtree, "folder_deleted", 0),
    "its folder is moved": (lambda stream: stream.rename(stream.parent.parent / "away"), "folder_moved", 0),
}


@pytest.mark.parametrize("deed", UNDER)
def test_what_is_done_to_a_stream_that_is_being_written_is_a_gap(
    deed: str, folder: Path, monkeypatch: pytest.MonkeyPatch, note: Note
) -> None:
    monkeypatch.setattr(home, "LOOK_EVERY_S", 0.0)
    do, reason, lost = UNDER[deed]
    auditor = begin(folder)
    calls(auditor, 3)
    (stream,) = folder.iterdir()
    do(stream)
    calls(auditor, 2)
    auditor.close()
    assert gaps(folder) == [(reason, lost)]
    assert recorded(folder) == 5 - lost
    kinds = {"segment_truncated": ["missing_seq"], "foreign_bytes": ["foreign"]}.get(reason, [])
    assert [finding.kind for finding in trail.findings(folder)] == kinds
    note("audit_gap", f"while it is written, {deed}", f"{reason}, count {lost}")


def ahead(stream: Path) -> None:
    """As a power cut leaves it: a sink's cursor is newer than what the disk has of the segment."""
    size = segment(stream).stat().st_size
    Cursor(segment=1, offset=size, seq=4).save(stream / "none.cursor")
    keep_lines(segment(stream), 2)


LEFT: Final[dict[str, tuple[Callable[[Path], object], str, int]]] = {
    "its last line is torn": (lambda stream: append(segment(stream), b'{"chain":{"prev":"'), "torn_tail", 0),
    "its last line is garbage": (lambda stream: append(segment(stream), b"\x00 no line\n"), "corrupt_tail", 1),
    "its last start is torn": (lambda stream: append(starts(stream), b'{"event":{"act'), "torn_start", 0),
    "a start is garbage": (lambda stream: append(starts(stream), b"\x00 no start\n"), "corrupt_starts", 1),
    "its start file is gone": (lambda stream: starts(stream).unlink(), "starts_lost", 0),
    "its cursor is ahead of the segment": (ahead, "segment_cut_back", 2),
}


def sound(stream: Path) -> list[Any]:
    """The lines of a stream, whatever else stands between them."""
    lines = [line for path in sorted(stream.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    return trail.decoded(line for line in lines if line.startswith(b'{"chain"') and line.endswith(b"}}"))


def last(stream: Path) -> str:
    return sound(stream)[-1]["event"]["event_type"]


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Streams whose process was killed, each damaged in its own way, and finished by the next start."""
    folder = tmp_path_factory.mktemp("left") / "journal"
    folder.mkdir(mode=0o700)
    streams: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("OTEL_")]:
            patch.delenv(variable)
        for damage, (do, _, _) in LEFT.items():
            apart = tmp_path_factory.mktemp("apart") / "journal"  # else a child would begin to finish an earlier one's
            child = os.fork()
            if child == 0:
                auditor = begin(apart, sinks=[Down()])
                calls(auditor, 3)
                os._exit(9)
            os.waitpid(child, 0)
            (stream,) = apart.iterdir()
            streams[damage] = stream.name
            do(stream.rename(folder / stream.name))
        auditor = begin(folder, sinks=[Down()])
        finished = [folder / stream for stream in streams.values()]
        eventually(lambda: all(last(stream) == "audit_stop" for stream in finished), "all are finished")
        auditor.close(0.0)
    return folder, streams


@pytest.mark.parametrize("damage", LEFT)
def test_what_was_found_of_a_stream_whose_owner_is_gone_is_a_gap(
    damage: str, adopted: tuple[Path, dict[str, str]], note: Note
) -> None:
    folder, streams = adopted
    _, reason, lost = LEFT[damage]
    lines = sound(folder / streams[damage])
    found = [event["trail"] for event in trail.events(lines, "audit_gap")]
    assert [(gap["reason"], gap["count"]) for gap in found] == [(reason, lost)]
    assert lines[-1]["event"]["trail"]["reason"] == "the owner is gone"
    note("audit_gap", f"found at the next start: {damage}", f"{reason}, count {lost}")


def test_a_gap_that_cannot_be_written_either_is_kept_for_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, note: Note
) -> None:
    auditor = begin(folder)
    with monkeypatch.context() as patch:
        patch.setattr(disk.calls, "write", eio)
        calls(auditor, 5)
    assert gaps(folder) == []
    calls(auditor)
    auditor.close()
    assert gaps(folder) == [("not kept: Input/output error", 5)]
    note("audit_gap", "nothing can be written for a while", "one record afterwards, for all that is missing")
