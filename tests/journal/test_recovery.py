"""A stream is gone on with after its owner has gone."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Cursor, Incident, Reader, Stream
from otel_mcp_audit.line import Head, decode_line
from tests.journal.streams import (
    assert_chain,
    body,
    crash,
    every,
    file_lines,
    header,
    reopened,
    segment_files,
    sequence,
    stop,
)


def written(root: Path, count: int = 4, **options: Any) -> Path:
    """A stream of ``count`` records whose owner was killed."""
    stream = Stream.create(root, **options)
    stream.append(header())
    for n in range(1, count):
        stream.append(body(f"call-{n}"))
    crash(stream)
    assert stream.path is not None
    return stream.path


def test_a_stream_goes_on_where_it_ended(tmp_path: Path):
    folder = written(tmp_path)
    stream = reopened(folder)
    assert stream.head is not None
    assert stream.head.seq == 4
    assert stream.append(body("next")).link.seq == 5
    assert_chain(file_lines(folder), stream.id)
    assert stream.incidents == []
    stream.close()


def test_a_torn_tail_is_cut_and_reported_wherever_it_is_torn(tmp_path: Path):
    folder = written(tmp_path)
    (segment,) = segment_files(folder)
    data = segment.read_bytes()
    whole = data[: data[:-1].rfind(b"\n") + 1]
    for end in range(len(whole), len(data) + 1):
        segment.write_bytes(data[:end])
        stream = reopened(folder)
        torn = end - len(whole)
        lines = 4 if end == len(data) else 3
        assert stream.incidents == ([Incident("torn_tail", bytes=torn)] if torn and lines == 3 else [])
        assert stream.append(body("next")).link.seq == lines + 1
        assert_chain(segment.read_bytes().splitlines(), stream.id)
        crash(stream)


def test_zeros_that_a_power_cut_left_are_a_torn_tail(tmp_path: Path):
    folder = written(tmp_path)
    with segment_files(folder)[0].open("ab") as file:
        file.write(bytes(200_000))
    stream = reopened(folder)
    assert stream.incidents == [Incident("torn_tail", bytes=200_000)]
    stream.append(body("next"))
    assert_chain(file_lines(folder), stream.id)
    stream.close()


def test_corrupt_lines_at_the_end_stay_are_named_and_their_numbers_are_not_given_again(tmp_path: Path):
    folder = written(tmp_path)
    (segment,) = segment_files(folder)
    data = segment.read_bytes()
    lines = data.splitlines(keepends=True)
    segment.write_bytes(b"".join((*lines[:2], lines[2].replace(b"call-2", b"CALL-2"), b"junk\n")))
    stream = reopened(folder)
    assert stream.incidents == [Incident("corrupt_tail", 3, 4, 2, len(lines[2]) + 5)]
    assert stream.head == Head(decode_line(lines[1]).seal.hash, 2, stream.id)
    entry = stream.append(body("next"))
    assert (entry.link.seq, entry.link.prev) == (5, decode_line(lines[1]).seal.hash)
    assert segment_files(folder)[-1].name == "000000000005.jsonl"
    assert segment.read_bytes().endswith(b"junk\n")
    stream.close()


def test_a_last_segment_without_a_sound_line_is_left_as_it_is_and_its_numbers_are_not_given_again(tmp_path: Path):
    folder = written(tmp_path, 8, segment_bytes=2500)
    last = segment_files(folder)[-1]
    first, count = int(last.stem), len(last.read_bytes().splitlines())
    last.write_bytes(b"junk\n" * count)
    stream = reopened(folder)
    assert stream.incidents == [Incident("corrupt_tail", first, first + count - 1, count, 5 * count)]
    assert stream.append(body("next")).link.seq == first + count
    assert last.read_bytes() == b"junk\n" * count
    stream.close()


@pytest.mark.parametrize("content", [b"", b"junk\n", b"{}\n", b'{"chain":1}\n', b"\xff\xfe\n"])
def test_a_stream_without_a_sound_line_is_refused(tmp_path: Path, content: bytes):
    folder = written(tmp_path)
    segment_files(folder)[0].write_bytes(content)
    with pytest.raises(JournalError, match="no sound line"):
        reopened(folder)


def test_a_folder_without_segments_is_refused(tmp_path: Path):
    folder = written(tmp_path)
    segment_files(folder)[0].unlink()
    with pytest.raises(JournalError, match="no segment"):
        reopened(folder)


def test_the_copy_of_another_stream_is_refused(tmp_path: Path):
    folder = written(tmp_path)
    copy = shutil.copytree(folder, folder.with_name("0" * 8 + "-0000-4000-8000-000000000000"))
    with pytest.raises(JournalError, match="of its own"):
        reopened(copy)


def test_a_segment_that_is_a_link_is_refused(tmp_path: Path):
    folder = written(tmp_path)
    (segment,) = segment_files(folder)
    target = segment.rename(tmp_path / "target")
    segment.symlink_to(target)
    with pytest.raises(JournalError, match="could not be repaired"):
        reopened(folder)


def test_calls_that_were_open_are_known_with_their_starts(tmp_path: Path):
    stream = Stream.create(tmp_path, segment_bytes=3000)
    stream.append(header())
    for n in range(12):
        stream.begin(f"call-{n}", body(f"call-{n}"))
        if n % 4:
            stream.append(body(f"call-{n}"), ends=f"call-{n}")
    assert stream.path is not None
    assert len(segment_files(stream.path)) > 2
    crash(stream)
    again = reopened(stream.path)
    assert dict(again.open_calls) == {f"call-{n}": body(f"call-{n}") for n in (0, 4, 8)}
    assert again.incidents == []
    again.append(body("call-4"), ends="call-4")
    crash(again)
    assert set(reopened(stream.path).open_calls) == {"call-0", "call-8"}


def test_unreadable_and_torn_starts_are_counted_and_the_others_kept(tmp_path: Path):
    stream = Stream.create(tmp_path)
    stream.append(header())
    for name in ("a", "b", "c"):
        stream.begin(name, body(name))
    assert stream.path is not None
    crash(stream)
    (starts,) = stream.path.glob("*.starts")
    lines = starts.read_bytes().splitlines(keepends=True)
    starts.write_bytes(lines[0] + b'{"event":\xff}\n' + lines[2] + lines[1][:50])
    again = reopened(stream.path)
    assert set(again.open_calls) == {"a", "c"}
    assert again.incidents == [Incident("corrupt_starts", count=1, bytes=62)]
    assert starts.read_bytes() == lines[0] + lines[2]
    again.close()


def test_a_start_that_was_never_acknowledged_is_cut_and_reported(tmp_path: Path):
    folder = written(tmp_path)
    (starts,) = folder.glob("*.starts")
    starts.write_bytes(b'{"event"')
    stream = reopened(folder)
    assert stream.incidents == [Incident("torn_start", bytes=8)]
    assert not stream.open_calls
    stream.close()


def test_a_start_file_that_is_gone_is_reported_but_not_from_a_stream_that_was_stopped(tmp_path: Path):
    folder = written(tmp_path)
    next(folder.glob("*.starts")).unlink()
    stream = reopened(folder)
    assert stream.incidents == [Incident("starts_lost")]
    stream.incidents.clear()
    stop(stream)
    assert not list(folder.glob("*.starts"))
    again = reopened(folder)
    assert again.incidents == []
    again.close()


def test_records_missing_before_the_last_segment_are_named_and_not_numbered_again(tmp_path: Path):
    folder = written(tmp_path, 8, segment_bytes=2500)
    before_last, last = segment_files(folder)[-2:]
    first = int(before_last.stem)
    os.truncate(before_last, before_last.read_bytes().find(b"\n") + 1)
    last.write_bytes(b"")
    stream = reopened(folder)
    assert [(found.reason, found.first_seq, found.last_seq) for found in stream.incidents] == [
        ("segment_truncated", first + 1, int(last.stem) - 1)
    ]
    assert stream.append(body("next")).link.seq == int(last.stem)
    assert sequence(last.read_bytes().splitlines()) == [int(last.stem)]
    stream.close()


@pytest.mark.parametrize("lost", ["a tail", "a segment"])
def test_what_a_sink_has_taken_and_a_power_cut_has_lost_is_named_and_what_follows_still_reaches_the_sink(
    tmp_path: Path, lost: str
):
    folder = written(tmp_path, 8, segment_bytes=2500)
    last = segment_files(folder)[-1]
    cursor = Cursor(segment=int(last.stem), offset=last.stat().st_size, seq=8)
    cursor.save(folder / "otlp.cursor")
    if lost == "a tail":
        os.truncate(last, last.read_bytes().find(b"\n") + 1)
        left = int(last.stem)
    else:
        last.unlink()
        left = int(last.stem) - 1
    stream = reopened(folder, segment_bytes=1 << 20)
    (incident,) = stream.incidents
    assert incident == Incident("segment_cut_back", left + 1, 8, 8 - left)
    entry = stream.append(body("next"))
    assert entry.link.seq == 9
    assert every(Reader(folder), cursor.position) == [entry.line]
    stream.close()


def test_a_cursor_beyond_reason_costs_some_numbers_and_no_record(tmp_path: Path):
    folder = written(tmp_path)
    cursor = Cursor(segment=2**50, offset=1, seq=2**50)
    cursor.save(folder / "otlp.cursor")
    stream = reopened(folder)
    entry = stream.append(body("next"))
    assert entry.link.seq < 2_000_000
    assert every(Reader(folder), cursor.position)[-1] == entry.line
    stream.close()
