"""What cannot be put back is named, and the stream goes on."""

import os
from pathlib import Path

import pytest

from otel_mcp_audit.journal import Cursor, Incident, Reader, Stream
from otel_mcp_audit.line import decode_line
from tests.journal.removals import append, five_more, remove_lock, remove_stream
from tests.journal.streams import (
    assert_chain,
    every,
    file_lines,
    folder_of,
    segment_files,
    sequence,
)

pytestmark = pytest.mark.usefixtures("look_every_time")


@pytest.mark.parametrize("keep", [0, 1, 300, 2000])
def test_what_was_cut_off_under_us_is_named_and_the_chain_goes_on_in_a_new_segment(stream: Stream, keep: int):
    segment = segment_files(folder_of(stream))[0]
    before = segment.read_bytes()
    left = before[:keep].rpartition(b"\n")[0]
    whole = before[:keep].count(b"\n")
    os.truncate(segment, keep)
    (incident,) = five_more(stream)
    assert incident == Incident("segment_truncated", whole + 1, 5, 5 - whole, len(before) - len(left) - bool(left))
    assert segment_files(folder_of(stream))[-1].name == "000000000006.jsonl"
    lines = every(Reader(folder_of(stream)))
    assert sequence(lines) == [*range(1, whole + 1), *range(6, 11)]
    # The next record still links to the one that was cut off: whoever has a copy of that can show so.
    assert decode_line(lines[whole]).chain.prev == decode_line(before.splitlines()[-1]).seal.hash


def test_a_segment_shortened_and_then_removed_gives_back_what_is_left(stream: Stream):
    segment = segment_files(folder_of(stream))[0]
    second = segment.read_bytes().find(b"\n") + 1
    os.truncate(segment, second)
    segment.unlink()
    assert {incident.reason for incident in five_more(stream)} == {"segment_deleted", "segment_truncated"}
    assert sequence(file_lines(folder_of(stream))) == [1, 6, 7, 8, 9, 10]


def test_bytes_that_are_not_ours_stay_where_they_are_and_the_chain_goes_on_in_a_new_segment(stream: Stream):
    segment = segment_files(folder_of(stream))[0]
    with segment.open("ab") as file:
        file.write(b"foreign")
    assert five_more(stream) == [Incident("foreign_bytes", bytes=7)]
    assert segment.read_bytes().endswith(b"\nforeign")
    assert_chain(every(Reader(folder_of(stream))), stream.id)


def test_earlier_segments_that_vanished_with_the_folder_are_named(tmp_path: Path):
    stream = Stream.create(tmp_path, segment_bytes=1500)
    for n in range(5):
        append(stream, n)
    first_of_last = int(segment_files(folder_of(stream))[-1].stem)
    assert first_of_last > 2
    remove_stream(stream)
    incidents = five_more(stream)
    assert incidents[0] == Incident("folder_deleted")
    lost = {n for found in incidents[1:] for n in range(found.first_seq or 0, (found.last_seq or 0) + 1)}
    assert {found.reason for found in incidents[1:]} == {"segment_deleted"}
    assert lost == set(range(1, first_of_last))
    assert sequence(file_lines(folder_of(stream))) == list(range(first_of_last, 11))
    stream.close()


def test_an_earlier_segment_that_vanished_alone_is_named_at_the_next_rotation(tmp_path: Path):
    stream = Stream.create(tmp_path, segment_bytes=1500)
    for n in range(5):
        append(stream, n)
    second = segment_files(folder_of(stream))[1]
    size, following = second.stat().st_size, segment_files(folder_of(stream))[2]
    second.unlink()
    first_seq, last_seq = int(second.stem), int(following.stem) - 1
    assert five_more(stream) == [
        Incident("segment_deleted", first_seq, last_seq, last_seq - first_seq + 1, size),
    ]
    stream.close()


def test_an_earlier_segment_that_every_sink_had_taken_is_not_missed(tmp_path: Path):
    stream = Stream.create(tmp_path, segment_bytes=1500)
    for n in range(5):
        append(stream, n)
    files = segment_files(folder_of(stream))
    Cursor(segment=int(files[2].stem)).save(folder_of(stream) / "otlp.cursor")
    files[1].unlink()
    assert five_more(stream) == []
    stream.close()


def test_one_sink_that_is_behind_makes_a_vanished_segment_missed(tmp_path: Path):
    stream = Stream.create(tmp_path, segment_bytes=1500)
    for n in range(5):
        append(stream, n)
    files = segment_files(folder_of(stream))
    Cursor(segment=int(files[2].stem)).save(folder_of(stream) / "otlp.cursor")
    Cursor(segment=1).save(folder_of(stream) / "other.cursor")
    files[1].unlink()
    assert [incident.reason for incident in five_more(stream)] == ["segment_deleted"]
    stream.close()


def test_foreign_bytes_before_the_first_record_are_moved_aside(tmp_path: Path):
    stream = Stream.create(tmp_path)
    segment = segment_files(folder_of(stream))[0]
    segment.write_bytes(b"foreign\n")
    append(stream, 0)
    assert stream.incidents == [Incident("foreign_bytes", bytes=8)]
    assert_chain(segment.read_bytes().splitlines(), stream.id)
    assert (segment.parent / f"{segment.name}.foreign-1").read_bytes() == b"foreign\n"
    stream.close()


def test_a_link_in_the_place_of_the_next_segment_is_moved_aside(tmp_path: Path):
    stream = Stream.create(tmp_path, segment_bytes=1000)
    append(stream, 0)
    secret = tmp_path / "secret"
    secret.write_bytes(b"")
    (folder_of(stream) / "000000000002.jsonl").symlink_to(secret)
    append(stream, 1)
    assert secret.read_bytes() == b""
    assert_chain(file_lines(folder_of(stream)), stream.id)
    stream.close()


def test_incidents_that_nobody_takes_out_stay_bounded(stream: Stream):
    for n in range(300):
        remove_lock(stream)
        append(stream, n + 5)
    assert len(stream.incidents) == 256
