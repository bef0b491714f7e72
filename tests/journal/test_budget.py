from itertools import pairwise
from pathlib import Path

import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Budget, Cursor, Cut, Reader, Stream, budget
from tests.journal.declared import Declared
from tests.journal.streams import (
    body,
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


def test_usage_is_that_of_all_files_and_full_counts_what_was_spent_since(stream: Stream, tmp_path: Path):
    (tmp_path / "notes").write_bytes(b"12345")
    used = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    limited = Budget(tmp_path, used + 100)
    assert limited.usage() == used
    assert limited.has_room()
    limited.spend(99)
    assert limited.has_room()
    limited.spend(1)
    assert not limited.has_room()
    limited.usage()
    assert limited.has_room()
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


def test_what_went_before_is_not_counted_again_when_the_stream_goes(stream: Stream, tmp_path: Path):
    delivered(folder_of(stream))
    cuts: list[Cut] = []
    Budget(tmp_path, 1).make_room({stream.id}, cuts.append)
    stop(stream)
    delivered(folder_of(stream))
    Budget(tmp_path, 1).make_room(set(), cuts.append)
    assert not folder_of(stream).exists()
    assert sum(cut.count for cut in cuts) == 51


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


def test_usage_is_looked_up_anew_for_what_may_have_changed(stream: Stream, tmp_path: Path):
    closed = left(tmp_path, end=stop)
    growing = Stream.create(tmp_path)
    growing.append(header())
    limited = Budget(tmp_path, 1 << 30)
    before = limited.usage()
    added = len(growing.append(body("next")).line) + 1
    assert limited.usage() == before + added
    growing.close()
    delivered(closed)
    assert limited.usage() == before + added + (closed / "otlp.cursor").stat().st_size
    again = reopened(closed)
    added += len(again.append(body("more")).line) + 1
    assert limited.usage() == before + added + (closed / "otlp.cursor").stat().st_size
    again.close()
    stream.close()
