from itertools import pairwise
from pathlib import Path

import pytest

from otel_mcp_audit import record
from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Budget, Cursor, Cut, Quarantine, Reader, Stream, budget
from otel_mcp_audit.journal.removal import old_stream
from tests.journal.streams import (
    age,
    body,
    crash,
    delivered,
    every,
    file_lines,
    folder_of,
    header,
    left,
    reopened,
    segment_files,
    sequence,
    stop,
)


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    """Fifty records over many segments, being written."""
    stream = Stream.create(tmp_path, segment_bytes=3000)
    stream.append(header())
    for n in range(1, 50):
        stream.append(body(f"call-{n}"))
    return stream


class Declared(list[Cut]):
    """The cuts that were declared; each when all of its records were still there."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def __call__(self, cut: Cut) -> None:
        lines = file_lines(self._root / cut.stream)
        numbers = [seq for seq in sequence(lines) if cut.first_seq <= seq <= cut.last_seq]
        last = next(line for line in lines if record.decode_line(line).chain.seq == cut.last_seq)
        assert len(numbers) == cut.count
        assert record.decode_line(last).seal.hash == cut.last_hash
        self.append(cut)


def test_usage_is_that_of_all_files_and_full_counts_what_was_spent_since(stream: Stream, tmp_path: Path):
    (tmp_path / "notes").write_bytes(b"12345")
    used = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    limited = Budget(tmp_path, used + 100)
    assert limited.usage() == used
    assert not limited.full
    limited.spend(99)
    assert not limited.full
    limited.spend(1)
    assert limited.full
    limited.usage()
    assert not limited.full
    stream.close()


def test_a_budget_of_a_folder_that_is_not_there_is_unused(tmp_path: Path):
    assert Budget(tmp_path / "nowhere", 10).usage() == 0


def test_only_delivered_segments_go_the_oldest_first_and_each_is_declared_before(stream: Stream, tmp_path: Path):
    files = segment_files(folder_of(stream))
    done = int(files[10].stem)
    Cursor(segment=done, offset=5).save(folder_of(stream) / "otlp.cursor")
    Cursor(segment=int(files[15].stem)).save(folder_of(stream) / "other.cursor")
    declared = Declared(tmp_path)
    freed = Budget(tmp_path, 1).make_room({stream.id}, declared)
    numbers = sequence(file_lines(folder_of(stream)))
    assert numbers == [1, *range(done, 51)]
    assert [(cut.first_seq, cut.last_seq) for cut in declared] == [
        (max(2, int(one.stem)), int(next_.stem) - 1) for one, next_ in pairwise(files[:11])
    ]
    assert freed > 8 * 2000
    assert Budget(tmp_path, 1).make_room({stream.id}, declared) == 0
    stream.append(body("next"))
    assert stream.incidents == []
    stream.close()


def test_no_more_goes_than_is_needed(stream: Stream, tmp_path: Path):
    delivered(folder_of(stream))
    limited = Budget(tmp_path, 1 << 30)
    declared = Declared(tmp_path)
    limited.max_bytes = int(limited.usage() / 0.75) + 1
    assert limited.make_room({stream.id}, declared) == 0
    limited.max_bytes -= 4000
    assert 3000 <= limited.make_room({stream.id}, declared) <= 6000
    assert limited.usage() <= limited.max_bytes * 0.75
    stream.close()


def test_the_first_line_stays_for_it_says_whose_stream_it_is(stream: Stream, tmp_path: Path):
    first = Reader(folder_of(stream)).first_line()
    delivered(folder_of(stream))
    Budget(tmp_path, 1).make_room({stream.id}, Declared(tmp_path))
    assert Reader(folder_of(stream)).first_line() == first
    assert segment_files(folder_of(stream))[0].read_bytes() == (first or b"") + b"\n"
    assert len(every(Reader(folder_of(stream)))) < 10
    stream.close()


def test_the_newest_segment_of_a_living_stream_stays_though_it_is_delivered(stream: Stream, tmp_path: Path):
    delivered(folder_of(stream))
    newest = segment_files(folder_of(stream))[-1]
    before = newest.read_bytes()
    Budget(tmp_path, 1).make_room({stream.id}, Declared(tmp_path))
    Budget(tmp_path, 1).make_room(set(), Declared(tmp_path))
    assert newest.read_bytes() == before
    stream.close()


def test_without_a_cursor_nothing_goes(stream: Stream, tmp_path: Path):
    before = file_lines(folder_of(stream))
    assert Budget(tmp_path, 1).make_room({stream.id}, Declared(tmp_path)) == 0
    assert file_lines(folder_of(stream)) == before
    stream.close()


@pytest.mark.parametrize("content", [b"corrupt", b'{"segment":0,"offset":0}'])
def test_one_sink_that_is_behind_keeps_everything(stream: Stream, tmp_path: Path, content: bytes):
    delivered(folder_of(stream))
    (folder_of(stream) / "other.cursor").write_bytes(content)
    assert Budget(tmp_path, 1).make_room({stream.id}, Declared(tmp_path)) == 0
    stream.close()


def test_where_the_cut_cannot_be_declared_nothing_goes(stream: Stream, tmp_path: Path):
    delivered(folder_of(stream))
    before = file_lines(folder_of(stream))

    def refuse(cut: Cut) -> None:
        raise JournalError(f"no room to say so: {cut}")

    with pytest.raises(JournalError):
        Budget(tmp_path, 1).make_room({stream.id}, refuse)
    assert file_lines(folder_of(stream)) == before
    stream.close()


def test_a_segment_that_was_tampered_with_stays_as_evidence(stream: Stream, tmp_path: Path):
    delivered(folder_of(stream))
    bad = segment_files(folder_of(stream))[3]
    bad.write_bytes(bad.read_bytes().replace(b"call-", b"CALL-"))
    declared = Declared(tmp_path)
    Budget(tmp_path, 1).make_room({stream.id}, declared)
    assert bad.exists()
    assert len(declared) > 5
    stream.close()


def test_a_closed_and_delivered_stream_goes_as_a_whole_when_room_is_needed(tmp_path: Path):
    folder = left(tmp_path, end=stop)
    delivered(folder)
    undelivered = left(tmp_path, end=stop)
    declared = Declared(tmp_path)
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert Budget(tmp_path, 1).make_room(set(), declared) == size
    assert [(cut.stream, cut.first_seq, cut.last_seq, cut.count) for cut in declared] == [(folder.name, 1, 2, 2)]
    assert [path.name for path in tmp_path.iterdir()] == [undelivered.name]


def test_what_went_before_is_not_counted_again_when_the_stream_goes(stream: Stream, tmp_path: Path):
    delivered(folder_of(stream))
    cuts: list[Cut] = []
    Budget(tmp_path, 1).make_room({stream.id}, cuts.append)
    stop(stream)
    delivered(folder_of(stream))
    Budget(tmp_path, 1).make_room(set(), cuts.append)
    assert not folder_of(stream).exists()
    assert sum(cut.count for cut in cuts) == 51


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


def test_a_reader_goes_on_over_what_was_removed(stream: Stream, tmp_path: Path):
    files = segment_files(folder_of(stream))
    cursor = Cursor(segment=int(files[10].stem))
    cursor.save(folder_of(stream) / "otlp.cursor")
    Budget(tmp_path, 1).make_room({stream.id}, Declared(tmp_path))
    assert sequence(every(Reader(folder_of(stream)), cursor.position))[0] == int(files[10].stem)
    assert sequence(every(Reader(folder_of(stream))))[:2] == [1, int(files[10].stem)]
    stream.close()


def gone(*_: object) -> None:
    raise FileNotFoundError


@pytest.mark.parametrize("part", ["old_stream", "old_segments"])
def test_a_stream_that_goes_while_it_is_looked_at_is_passed_over(
    stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
):
    delivered(folder_of(stream))
    monkeypatch.setattr(budget, part, gone)
    freed = Budget(tmp_path, 1).make_room({stream.id} if part == "old_segments" else set(), Declared(tmp_path))
    assert (freed == 0) == (part == "old_segments")
    stream.close()


def test_what_cannot_be_removed_stays_and_the_rest_goes(
    stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    delivered(folder_of(stream))
    stubborn, unlink = segment_files(folder_of(stream))[2], Path.unlink

    def refuse(self: Path, *, missing_ok: bool = False) -> None:
        if self == stubborn:
            raise PermissionError(1, "Operation not permitted")
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    Budget(tmp_path, 1).make_room({stream.id}, list[Cut]().append)
    assert [path.name for path in segment_files(folder_of(stream))[1:-1]] == [stubborn.name]
    stream.close()


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


def test_usage_is_looked_up_anew_for_what_may_have_changed(stream: Stream, tmp_path: Path):
    closed = left(tmp_path, end=stop)
    limited = Budget(tmp_path, 1 << 30)
    before = limited.usage()
    added = len(stream.append(body("next")).line) + 1
    assert limited.usage() == before + added
    delivered(closed)
    assert limited.usage() == before + added + (closed / "otlp.cursor").stat().st_size
    again = reopened(closed)
    added += len(again.append(body("more")).line) + 1
    assert limited.usage() == before + added + (closed / "otlp.cursor").stat().st_size
    again.close()
    stream.close()
