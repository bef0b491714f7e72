"""Streams that go as a whole."""

from pathlib import Path

import pytest

from otel_mcp_audit.journal import Budget, Quarantine, Stream, budget
from otel_mcp_audit.journal.removal import old_stream
from tests.journal.declared import Declared
from tests.journal.streams import (
    age,
    body,
    crash,
    delivered,
    file_lines,
    folder_of,
    header,
    left,
    reopened,
    stop,
)


def test_a_closed_and_delivered_stream_goes_as_a_whole_when_room_is_needed(tmp_path: Path):
    folder = left(tmp_path, end=stop)
    delivered(folder)
    undelivered = left(tmp_path, end=stop)
    declared = Declared(tmp_path)
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert Budget(tmp_path, 1).make_room(set(), declared) == size
    assert [(cut.stream, cut.first_seq, cut.last_seq, cut.count) for cut in declared] == [(folder.name, 1, 2, 2)]
    assert [path.name for path in tmp_path.iterdir()] == [undelivered.name]


@pytest.mark.parametrize("live", [True, False])
def test_a_delivered_stream_that_somebody_holds_stays(tmp_path: Path, *, live: bool):
    stream = Stream.create(tmp_path)
    stream.append(header())
    delivered(folder_of(stream))
    for starts in folder_of(stream).glob("*.starts"):
        starts.unlink()
    assert Budget(tmp_path, 1).make_room({stream.id} if live else set(), Declared(tmp_path)) == 0
    assert folder_of(stream).exists()
    stream.close()


def with_open_call(folder: Path) -> None:
    (folder / "000000000001.starts").write_bytes(body("open") + b"\n")


def with_quarantine(folder: Path) -> None:
    Quarantine(folder / "otlp.quarantine.jsonl").append(b"{}", "refused")


def with_foreign_file(folder: Path) -> None:
    (folder / "000000000001.jsonl.foreign-1").write_bytes(b"what was it?")


@pytest.mark.parametrize("spoil", [with_open_call, with_quarantine, with_foreign_file])
def test_a_delivered_stream_with_something_to_look_at_stays(tmp_path: Path, spoil: object):
    folder = left(tmp_path, end=stop)
    delivered(folder)
    spoil(folder)  # pyright: ignore[reportCallIssue] -- one of the functions above
    assert Budget(tmp_path, 1).make_room(set(), Declared(tmp_path)) == 0
    assert folder.exists()


def test_what_a_killed_process_left_unpublished_does_not_keep_a_stream(tmp_path: Path):
    folder = left(tmp_path, end=stop)
    delivered(folder)
    (folder / ".otlp.cursor.123.new").write_bytes(b"{")
    Budget(tmp_path, 1).make_room(set(), Declared(tmp_path))
    assert not folder.exists()


def test_more_finished_streams_than_are_kept_go_the_oldest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(budget, "STREAMS_KEPT", 3)
    folders = [left(tmp_path, end=stop) for _ in range(6)]
    for n, folder in enumerate(folders):
        delivered(folder)
        age(folder, 1000 - n)
    unfinished = left(tmp_path)
    declared = Declared(tmp_path)
    Budget(tmp_path, 1 << 30).make_room(set(), declared)
    assert [cut.stream for cut in declared] == [folder.name for folder in folders[:3]]
    assert {path.name for path in tmp_path.iterdir()} == {folder.name for folder in (*folders[3:], unfinished)}


def test_the_folder_of_a_failed_start_goes_once_it_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(budget, "STREAMS_KEPT", 0)
    stream = Stream.create(tmp_path)
    crash(stream)
    declared = Declared(tmp_path)
    Budget(tmp_path, 1 << 30).make_room(set(), declared)
    assert folder_of(stream).exists()
    age(folder_of(stream), 700)
    Budget(tmp_path, 1 << 30).make_room(set(), declared)
    assert not folder_of(stream).exists()
    assert declared == []


def test_a_stream_that_was_gone_on_with_before_it_was_removed_stays(tmp_path: Path):
    folder = left(tmp_path, end=stop)
    delivered(folder)
    old = old_stream(folder)
    assert old is not None
    again = reopened(folder)
    again.append(body("more"))
    again.close()
    assert old.remove(Declared(tmp_path)) == 0
    assert len(file_lines(folder)) == 3
