import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_mcp_audit.journal import BEGINNING, Position, Reader, Stream
from otel_mcp_audit.journal.reader import LONGEST_LINE, FolderSegments
from tests.journal.streams import assert_chain, body, crash, every, file_lines, header, segment_files, sequence, walk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine records over several segments."""
    stream = Stream.create(tmp_path, segment_bytes=2500)
    stream.append(header())
    for n in range(1, 9):
        stream.append(body(f"call-{n}"))
    crash(stream)
    assert stream.path is not None
    return stream.path


def segments_of(tmp_path: Path, *contents: bytes) -> Path:
    """A folder of segments with the given bytes, each named after the lines before it."""
    folder = tmp_path / "stream"
    folder.mkdir()
    first = 1
    for content in contents:
        (folder / f"{first:012d}.jsonl").write_bytes(content)
        first += content.count(b"\n")
    return folder


def test_every_position_is_where_the_next_line_begins(folder: Path):
    places = list(walk(Reader(folder)))
    lines = file_lines(folder)
    assert [line for line, _ in places] == lines
    for n, (_, position) in enumerate(places, 1):
        assert every(Reader(folder), position) == lines[n:]


def test_a_reader_goes_on_as_the_writer_does_across_rotations(tmp_path: Path):
    stream = Stream.create(tmp_path, segment_bytes=3000)
    assert stream.path is not None
    reader, position, seen = Reader(stream.path), BEGINNING, list[bytes]()
    for n in range(60):
        stream.append(body(f"call-{n}"))
        read = reader.read(position, records=3, limit=10_000)
        seen += [line for line, _ in read]
        position = read[-1][1] if read else position
    seen += every(reader, position)
    assert_chain(seen, stream.id)
    assert len(seen) == 60
    assert reader.problems == []
    stream.close()


def test_helpings_are_bounded_in_records_and_bytes_and_never_empty_while_a_line_is_there(folder: Path):
    reader = Reader(folder)
    lines = file_lines(folder)
    assert [line for line, _ in reader.read(BEGINNING, records=4, limit=1 << 20)] == lines[:4]
    two = len(lines[0]) + len(lines[1]) + 2
    assert [line for line, _ in reader.read(BEGINNING, records=9, limit=two)] == lines[:2]
    assert [line for line, _ in reader.read(BEGINNING, records=9, limit=two - 1)] == lines[:1]
    assert [line for line, _ in reader.read(BEGINNING, records=9, limit=1)] == lines[:1]


def test_reading_stops_at_the_last_line_end_and_goes_on_once_the_line_is_whole(tmp_path: Path):
    folder = segments_of(tmp_path, b"one\ntw")
    reader = Reader(folder)
    (found,) = reader.read(BEGINNING, records=9, limit=99)
    assert found == (b"one", Position(1, 4))
    with segment_files(folder)[0].open("ab") as file:
        file.write(b"o\n")
    assert reader.read(found[1], records=9, limit=99) == [(b"two", Position(1, 8))]
    assert reader.problems == []


def test_a_torn_tail_before_a_later_segment_is_passed_over_and_reported(tmp_path: Path):
    reader = Reader(segments_of(tmp_path, b"one\ntw", b"three\n"))
    assert every(reader) == [b"one", b"three"]
    assert "torn" in reader.problems[0]


def test_a_position_in_a_segment_that_is_gone_moves_on_to_the_next(folder: Path):
    files = segment_files(folder)
    files[1].unlink()
    following = int(files[2].stem)
    assert sequence(every(Reader(folder), Position(int(files[1].stem), 17)))[0] == following
    for path in files:
        path.unlink(missing_ok=True)
    assert every(Reader(folder), Position(1, 0)) == []


def test_a_position_beyond_the_end_of_a_shortened_segment_waits_or_moves_on(tmp_path: Path):
    folder = segments_of(tmp_path, b"one\ntwo\n")
    reader = Reader(folder)
    assert reader.read(Position(1, 100), records=9, limit=99) == []
    (folder / "000000000003.jsonl").write_bytes(b"three\n")
    assert every(reader, Position(1, 100)) == [b"three"]
    assert "shorter" in reader.problems[0]


def test_a_position_inside_a_line_begins_the_segment_anew_so_that_nothing_is_left_out(tmp_path: Path):
    reader = Reader(segments_of(tmp_path, b"one\ntwo\n"))
    assert every(reader, Position(1, 5)) == [b"one", b"two"]
    assert "inside a line" in reader.problems[0]


@pytest.mark.parametrize("segment", [11, 10**15])
def test_a_position_that_the_stream_will_never_come_to_is_read_from_the_beginning(folder: Path, segment: int):
    reader = Reader(folder)
    assert every(reader, Position(segment, 7)) == file_lines(folder)
    assert reader.pending(Position(segment, 7)) == reader.pending(BEGINNING)
    assert "not of this stream" in reader.problems[0]


def test_a_position_in_a_segment_that_is_just_being_put_back_waits_for_it(folder: Path):
    last = segment_files(folder)[-1]
    position = Position(int(last.stem), 5)
    last.unlink()
    reader = Reader(folder)
    assert reader.read(position, records=9, limit=9999) == []
    assert reader.pending(position) == 0
    assert reader.problems == []


@pytest.mark.parametrize("before", [b"", b"one\n"])
def test_an_over_long_line_is_passed_over_and_reported(tmp_path: Path, before: bytes):
    long = b"x" * (3 * LONGEST_LINE)
    reader = Reader(segments_of(tmp_path, before + long + b"\ntwo\n"))
    assert every(reader) == [*before.splitlines(), b"two"]
    assert "too long" in reader.problems[0]


@pytest.mark.parametrize(("length", "kept"), [(LONGEST_LINE, True), (LONGEST_LINE + 1, False)])
def test_the_longest_line_is_read_and_one_longer_is_not(tmp_path: Path, length: int, *, kept: bool):
    reader = Reader(segments_of(tmp_path, b"x" * length + b"\n"))
    assert len(every(reader)) == kept


def test_an_over_long_tail_is_never_held_in_memory(tmp_path: Path):
    folder = segments_of(tmp_path, b"one\n")
    os.truncate(segment_files(folder)[0], 300 * LONGEST_LINE)
    tracemalloc.start()
    assert every(Reader(folder)) == [b"one"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * LONGEST_LINE


def test_pending_counts_the_bytes_after_a_position(folder: Path):
    reader = Reader(folder)
    total = sum(path.stat().st_size for path in segment_files(folder))
    assert reader.pending(BEGINNING) == total
    read = 0
    for line, position in walk(reader):
        read += len(line) + 1
        assert reader.pending(position) == total - read
    assert reader.pending(Position(1, 10**9)) == total - segment_files(folder)[0].stat().st_size


def test_the_first_line_is_the_header_and_none_where_there_is_none_yet(folder: Path, tmp_path: Path):
    assert Reader(folder).first_line() == file_lines(folder)[0]
    assert Reader(tmp_path / "nowhere").first_line() is None
    assert Reader(segments_of(tmp_path, b"half")).first_line() is None


def test_only_segments_are_read(folder: Path):
    for name in ("otlp.quarantine.jsonl", "1.jsonl", "000000000001.jsonl.foreign-1", "٠٠٠٠٠٠٠٠٠٠٠١.jsonl", ".x.new"):
        (folder / name).write_bytes(b"no line\n")
    assert every(Reader(folder)) == file_lines(folder)


def test_a_segment_that_is_a_link_is_not_followed(tmp_path: Path):
    folder = segments_of(tmp_path)
    (tmp_path / "secret").write_bytes(b"secret\n")
    (folder / "000000000001.jsonl").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        Reader(folder).first_line()


def test_problems_are_said_once_and_stay_bounded(tmp_path: Path):
    reader = Reader(segments_of(tmp_path, b"one\n" * 500))
    for offset in range(1, 300):
        if offset % 4:
            reader.read(Position(1, offset), records=1, limit=9)
            reader.read(Position(1, offset), records=1, limit=9)
    assert len(reader.problems) == len(set(reader.problems)) == 100


@given(
    pieces=st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"_")), max_size=30),
    records=st.integers(1, 5),
    limit=st.integers(1, 100),
)
def test_whatever_the_lines_and_the_helpings_all_lines_come_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], records: int, limit: int
):
    half = len(pieces) // 2
    contents = [b"".join(piece + b"\n" for piece in part) for part in (pieces[:half], pieces[half:]) if part]
    reader = Reader(segments_of(tmp_path_factory.mktemp("given"), *contents))
    assert every(reader, records=records, limit=limit) == pieces


def test_a_segment_that_goes_between_listing_and_looking_has_no_bytes(tmp_path: Path):
    assert FolderSegments(tmp_path).size(7) == 0
    assert FolderSegments(tmp_path).read(7, 0, 10) == b""
