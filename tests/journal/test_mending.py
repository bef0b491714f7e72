"""Each row of case-017 and its neighbours: what somebody does to the files between record 5 and record 6 of ten."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otel_mcp_audit import record
from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Cursor, Incident, Reader, Stream, disk, home, mending
from otel_mcp_audit.journal.lock import Lock
from tests.journal.ordinary import Ordinary, needs_root
from tests.journal.streams import (
    assert_chain,
    body,
    crash,
    every,
    file_lines,
    folder_of,
    header,
    ids,
    reopened,
    segment_files,
    sequence,
    walk,
)


@pytest.fixture(autouse=True)
def _look_every_time(monkeypatch: pytest.MonkeyPatch):  # pyright: ignore[reportUnusedFunction] -- a fixture
    monkeypatch.setattr(home, "LOOK_EVERY_S", 0.0)


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Stream]:
    stream = Stream.create(tmp_path / "journal")
    for n in range(5):
        append(stream, n)
    stream.begin("open", body("open"))
    yield stream
    stream.close()


def append(stream: Stream, n: int) -> None:
    stream.append(header() if n == 0 else body(f"call-{n}"))


def five_more(stream: Stream) -> list[Incident]:
    """Records 6 to 10, each looked for in a file with a name as soon as it is acknowledged."""
    for n in range(5, 10):
        entry = stream.append(body(f"call-{n}"))
        assert entry.line in file_lines(folder_of(stream))
    incidents = list(stream.incidents)
    stream.incidents.clear()
    return incidents


def assert_whole(stream: Stream) -> None:
    """All ten records, the open call, and a lock that others find."""
    lines = file_lines(folder_of(stream))
    assert_chain(lines, stream.id)
    assert len(lines) == 10
    (starts,) = folder_of(stream).glob("*.starts")
    assert starts.read_bytes() == body("open") + b"\n"
    assert not Lock(folder_of(stream)).take()


def remove_segment(stream: Stream) -> None:
    segment_files(folder_of(stream))[0].unlink()


def remove_stream(stream: Stream) -> None:
    shutil.rmtree(folder_of(stream))


def remove_journal(stream: Stream) -> None:
    shutil.rmtree(folder_of(stream).parent)


def move_stream(stream: Stream) -> None:
    folder_of(stream).rename(folder_of(stream).with_name("elsewhere"))


def move_journal(stream: Stream) -> None:
    journal = folder_of(stream).parent
    journal.rename(journal.with_name("elsewhere"))


def move_segment(stream: Stream) -> None:
    segment = segment_files(folder_of(stream))[0]
    segment.rename(segment.with_name("elsewhere"))


def replace_segment(stream: Stream) -> None:
    segment = segment_files(folder_of(stream))[0]
    segment.unlink()
    segment.touch()


def remove_starts(stream: Stream) -> None:
    for path in folder_of(stream).glob("*.starts"):
        path.unlink()


def move_starts(stream: Stream) -> None:
    for path in folder_of(stream).glob("*.starts"):
        path.rename(path.with_suffix(".moved"))


def truncate_starts(stream: Stream) -> None:
    for path in folder_of(stream).glob("*.starts"):
        os.truncate(path, 3)


def remove_lock(stream: Stream) -> None:
    (folder_of(stream) / "lock").unlink()


def link_stream(stream: Stream) -> None:
    move_stream(stream)
    folder_of(stream).symlink_to(folder_of(stream).with_name("elsewhere"))


def file_for_stream(stream: Stream) -> None:
    remove_stream(stream)
    folder_of(stream).write_text("not a folder", encoding="utf-8")


@pytest.mark.parametrize(
    ("remove", "reason"),
    [
        (remove_segment, "segment_deleted"),
        (remove_stream, "folder_deleted"),
        (remove_journal, "folder_deleted"),
        (move_stream, "folder_moved"),
        (move_journal, "folder_moved"),
        (move_segment, "segment_moved"),
        (replace_segment, "segment_replaced"),
        (remove_starts, "starts_lost"),
        (move_starts, "starts_lost"),
        (truncate_starts, "starts_lost"),
        (remove_lock, "lock_lost"),
        (link_stream, "folder_moved"),
        (file_for_stream, "folder_deleted"),
    ],
)
def test_what_the_open_file_still_has_is_put_back_and_the_chain_goes_on(
    stream: Stream, remove: Callable[[Stream], None], reason: str
):
    remove(stream)
    assert five_more(stream) == [Incident(reason)]
    assert_whole(stream)


@pytest.mark.parametrize("remove", [remove_segment, remove_stream, move_stream, remove_starts])
def test_a_removal_is_noticed_by_the_next_start_too(stream: Stream, remove: Callable[[Stream], None]):
    remove(stream)
    stream.begin("next", body("next"))
    (starts,) = folder_of(stream).glob("*.starts")
    assert starts.read_bytes() == body("open") + b"\n" + body("next") + b"\n"


def test_a_deleted_segment_is_noticed_before_the_next_acknowledgement_without_looking_up_names(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(home, "LOOK_EVERY_S", 1e9)
    append(stream, 5)
    remove_segment(stream)
    stream.append(body("next"))
    assert ids(file_lines(folder_of(stream)))[-1] == "next"


def test_a_removed_cursor_is_no_loss(stream: Stream):
    cursor = folder_of(stream) / "otlp.cursor"
    Cursor(segment=1, offset=3).save(cursor)
    cursor.unlink()
    assert five_more(stream) == []
    assert_whole(stream)


def test_what_took_the_place_of_a_segment_is_kept_beside_it(stream: Stream):
    segment = segment_files(folder_of(stream))[0]
    for n in range(2):
        segment.unlink()
        segment.write_text(f"foreign {n}", encoding="utf-8")
        stream.append(body(f"after-{n}"))
    assert (segment.parent / f"{segment.name}.foreign-1").read_text(encoding="utf-8") == "foreign 0"
    assert (segment.parent / f"{segment.name}.foreign-2").read_text(encoding="utf-8") == "foreign 1"
    assert_chain(file_lines(folder_of(stream)), stream.id)


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
    assert record.decode_line(lines[whole]).chain.prev == record.decode_line(before.splitlines()[-1]).seal.hash


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


def test_the_delivery_that_had_read_a_part_goes_on_after_the_restoration(stream: Stream):
    reader = Reader(folder_of(stream))
    seen = list(walk(reader))
    remove_segment(stream)
    five_more(stream)
    assert sequence(every(reader, seen[-1][1])) == [6, 7, 8, 9, 10]


def test_a_place_that_cannot_be_had_back_refuses_the_record_and_the_next_one_tries_again(stream: Stream):
    journal = folder_of(stream).parent
    journal.rename(journal.with_name("elsewhere"))
    journal.write_text("in the way", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(JournalError, match=str(journal)):
            stream.append(body("refused"))
    journal.unlink()
    assert [incident.reason for incident in five_more(stream)] == ["folder_moved"]
    assert_whole(stream)


def test_a_stream_that_another_process_took_over_is_left_to_it(stream: Stream):
    remove_lock(stream)
    lock = Lock(folder_of(stream))
    assert lock.take()
    adopted = Stream.reopen(folder_of(stream), lock)
    adopted.append(body("unknown"), ends="open")
    with pytest.raises(JournalError, match="taken over"):
        stream.append(body("late"))
    assert stream.taken
    adopted.append(body("more"))
    adopted.close()
    for attempt in (lambda: stream.append(body("late")), lambda: stream.begin("late", body("late"))):
        with pytest.raises(JournalError, match="taken over"):
            attempt()
    stream.close()
    assert_chain(file_lines(folder_of(stream)), stream.id)
    assert Lock(folder_of(stream)).take()


def test_a_stream_found_to_be_taken_over_takes_no_start_either(stream: Stream, monkeypatch: pytest.MonkeyPatch):
    append(stream, 5)
    monkeypatch.setattr(home, "LOOK_EVERY_S", 1e9)
    append(stream, 6)
    remove_lock(stream)
    adopted = reopened(folder_of(stream))
    adopted.append(body("unknown"), ends="open")
    for attempt in (lambda: append(stream, 7), lambda: stream.begin("late", body("late"))):
        with pytest.raises(JournalError, match="taken over"):
            attempt()
    adopted.close()


def test_closing_a_stream_that_was_taken_over_leaves_the_other_s_start_file(tmp_path: Path):
    stream = Stream.create(tmp_path)
    append(stream, 0)
    remove_lock(stream)
    adopted = reopened(folder_of(stream))
    adopted.begin("theirs", body("theirs"))
    with pytest.raises(JournalError, match="taken over"):
        append(stream, 1)
    stream.close()
    crash(adopted)
    assert set(reopened(folder_of(stream)).open_calls) == {"theirs"}


def test_a_stream_taken_over_and_given_back_before_anything_was_noticed_is_still_left(stream: Stream):
    remove_lock(stream)
    lock = Lock(folder_of(stream))
    assert lock.take()
    adopted = Stream.reopen(folder_of(stream), lock)
    adopted.append(body("unknown"), ends="open")
    adopted.close()
    with pytest.raises(JournalError, match="taken over"):
        stream.append(body("late"))
    assert_chain(file_lines(folder_of(stream)), stream.id)


@needs_root
@pytest.mark.parametrize("over", ["stream", "journal"])
def test_a_volume_mounted_over_the_folder_is_noticed_and_written_to(stream: Stream, over: str):
    place = folder_of(stream) if over == "stream" else folder_of(stream).parent
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=1m", "tmpfs", place], check=True)
    try:
        assert five_more(stream) == [Incident("folder_moved")]
        assert_whole(stream)
    finally:
        stream.close()
        subprocess.run(["umount", place], check=True)


@needs_root
def test_a_volume_unmounted_under_the_writer_is_noticed(tmp_path: Path):
    place = tmp_path / "volume"
    place.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=1m", "tmpfs", place], check=True)
    stream = Stream.create(place)
    for n in range(5):
        append(stream, n)
    subprocess.run(["umount", "--lazy", place], check=True)
    assert five_more(stream) == [Incident("folder_moved")]
    assert_chain(file_lines(folder_of(stream)), stream.id)
    stream.close()


@needs_root
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o500])
def test_a_folder_whose_owner_may_not_enter_is_opened_again(ordinary: Ordinary, mode: int):
    def write() -> list[str]:
        stream = Stream.create(ordinary.folder, segment_bytes=2000)
        for n in range(5):
            append(stream, n)
        folder_of(stream).chmod(mode)
        for n in range(5, 10):
            append(stream, n)
        reasons = [incident.reason for incident in stream.incidents]
        folder_of(stream).chmod(0o700)
        stream.close()
        return reasons

    # Where the names can still be looked up nothing is amiss but new files: then the segment simply grows on.
    assert ordinary.run(write) == ([] if mode == 0o500 else ["folder_mode"])
    (folder,) = ordinary.folder.iterdir()
    assert_chain(file_lines(folder), folder.name)
    assert len(file_lines(folder)) == 10


def test_a_folder_that_cannot_be_opened_again_is_written_through_the_open_files(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
):
    def shut(path: Path) -> disk.Identity | None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(disk, "identity", shut)
    for n in range(5, 10):
        append(stream, n)
    monkeypatch.undo()
    assert stream.incidents == [Incident("folder_mode")]
    assert_whole(stream)


class Shut:
    """Names that cannot be looked up, until the folder's mode is set; for good where ``openable`` is False."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, openable: bool) -> None:
        self._identity, self.shut, self._openable = disk.identity, True, openable
        monkeypatch.setattr(disk, "identity", self.look_up)
        monkeypatch.setattr(Path, "chmod", self.open)

    def open(self, _mode: int) -> None:
        self.shut = not self._openable

    def look_up(self, path: Path) -> disk.Identity | None:
        if self.shut:
            raise PermissionError(13, "Permission denied", str(path))
        return self._identity(path)


@pytest.mark.parametrize("begin", [True, False])
def test_a_segment_that_vanished_from_a_shut_folder_is_put_back_once_it_is_opened(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, *, begin: bool
):
    append(stream, 5)
    monkeypatch.setattr(home, "LOOK_EVERY_S", 1e9)
    append(stream, 6)
    remove_segment(stream)
    remove_starts(stream)
    with monkeypatch.context() as patch:
        Shut(patch, openable=True)
        if begin:
            stream.begin("next", body("next"))
        else:
            append(stream, 7)
    reasons = [incident.reason for incident in stream.incidents]
    assert reasons == ["folder_mode", "segment_deleted", "starts_lost"]
    assert_chain(file_lines(folder_of(stream)), stream.id)
    assert len(list(folder_of(stream).glob("*.starts"))) == 1


def test_a_segment_that_vanished_from_a_folder_that_stays_shut_refuses_the_record(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
):
    remove_segment(stream)
    with monkeypatch.context() as patch:
        Shut(patch, openable=False)
        with pytest.raises(JournalError, match="Permission denied"):
            append(stream, 5)
    assert [incident.reason for incident in stream.incidents] == ["folder_mode"]
    append(stream, 5)
    assert len(file_lines(folder_of(stream))) == 6


def test_a_folder_behind_a_link_is_not_opened(stream: Stream, tmp_path: Path):
    target = tmp_path / "target"
    target.mkdir(mode=0o755)
    move_stream(stream)
    folder_of(stream).symlink_to(target)
    store = stream._store  # pyright: ignore[reportPrivateUsage] -- what a chmod would hit cannot be seen from outside
    assert isinstance(store, home.Home)
    assert mending.open_up(store.files)
    assert target.stat().st_mode & 0o777 == 0o755


def test_foreign_bytes_before_the_first_record_are_moved_aside(tmp_path: Path):
    stream = Stream.create(tmp_path)
    segment = segment_files(folder_of(stream))[0]
    segment.write_bytes(b"foreign\n")
    append(stream, 0)
    assert stream.incidents == [Incident("foreign_bytes", bytes=8)]
    assert_chain(segment.read_bytes().splitlines(), stream.id)
    assert (segment.parent / f"{segment.name}.foreign-1").read_bytes() == b"foreign\n"
    stream.close()


def test_a_start_file_removed_alone_is_noticed_by_the_next_start_without_looking_up_names(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(home, "LOOK_EVERY_S", 1e9)
    append(stream, 5)
    remove_starts(stream)
    stream.begin("next", body("next"))
    assert stream.incidents == [Incident("starts_lost")]
    (starts,) = folder_of(stream).glob("*.starts")
    assert starts.read_bytes() == body("open") + b"\n" + body("next") + b"\n"


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
