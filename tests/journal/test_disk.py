"""Faults of the disk: a real full one, and through the seam those that cannot be had."""

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Cursor, Incident, Quarantine, Stream, disk
from otel_mcp_audit.journal.incident import missing
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
)


class Faulty:
    """Writes that fail: at most ``short`` bytes at once, and an error once ``good`` bytes are written."""

    def __init__(self, *, short: int = 1 << 30, good: int = 1 << 30, error: int = errno.EIO) -> None:
        self._short, self._good, self._error = short, good, error

    def __call__(self, fd: int, data: bytes | memoryview) -> int:
        if self._good <= 0:
            raise OSError(self._error, os.strerror(self._error))
        written = os.write(fd, data[: min(self._short, self._good)])
        self._good -= written
        return written


def fail(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("folder", [True, False])
def test_short_writes_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, folder: bool):
    stream = Stream.create(tmp_path if folder else None)
    monkeypatch.setattr(disk.calls, "write", Faulty(short=7))
    stream.begin("a", body("a"))
    entry = stream.append(body("a"), ends="a")
    assert stream.reader().first_line() == entry.line
    stream.close()


@pytest.mark.parametrize("folder", [True, False])
@pytest.mark.parametrize("good", [0, 1, 100, 1000])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EFBIG])
def test_a_failed_write_is_said_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: int, error: int, *, folder: bool
):
    stream = Stream.create(tmp_path if folder else None)
    stream.append(header())
    monkeypatch.setattr(disk.calls, "write", Faulty(good=good, error=error))
    with pytest.raises(
        JournalError, match=f"record 2 of stream {stream.id} could not be kept in .*{os.strerror(error)}"
    ):
        stream.append(body("lost"))
    if folder:
        monkeypatch.setattr(disk.calls, "write", Faulty(good=min(good, 500), error=error))
        with pytest.raises(JournalError, match=f"start of call lost .*{os.strerror(error)}"):
            stream.begin("lost", body("lost"))
    monkeypatch.undo()
    assert not stream.open_calls
    stream.begin("kept", body("kept"))
    stream.append(body("next"))
    lines = every(stream.reader())
    assert ids(lines) == ["start", "next"]
    assert_chain(lines, stream.id)
    assert stream.incidents == []
    if folder:
        crash(stream)
        assert set(reopened(folder_of(stream)).open_calls) == {"kept"}


def test_a_torn_half_that_cannot_be_cut_off_is_never_glued_to_the_next_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stream = Stream.create(tmp_path)
    stream.append(header())
    monkeypatch.setattr(disk.calls, "write", Faulty(good=100))
    monkeypatch.setattr(disk.calls, "ftruncate", fail)
    with pytest.raises(JournalError):
        stream.append(body("lost"))
    monkeypatch.setattr(disk.calls, "write", os.write)
    entry = stream.append(body("next"))
    assert [path.name for path in segment_files(folder_of(stream))] == ["000000000001.jsonl", "000000000002.jsonl"]
    assert segment_files(folder_of(stream))[1].read_bytes() == entry.line + b"\n"
    assert_chain(file_lines(folder_of(stream)), stream.id)
    assert ids(every(stream.reader())) == ["start", "next"]
    stream.close()


def test_a_torn_half_that_can_be_cut_off_later_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stream = Stream.create(tmp_path)
    stream.append(header())
    monkeypatch.setattr(disk.calls, "write", Faulty(good=100))
    monkeypatch.setattr(disk.calls, "ftruncate", fail)
    for attempt in (lambda: stream.append(body("lost")), lambda: stream.begin("lost", body("lost"))):
        with pytest.raises(JournalError):
            attempt()
    monkeypatch.undo()
    stream.begin("open", body("open"))
    stream.append(body("next"))
    assert len(segment_files(folder_of(stream))) == 1
    assert_chain(file_lines(folder_of(stream)), stream.id)
    assert stream.incidents == []
    crash(stream)
    assert set(reopened(folder_of(stream)).open_calls) == {"open"}


def test_where_no_new_segment_can_be_made_the_old_one_grows_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stream = Stream.create(tmp_path, segment_bytes=2000)
    stream.begin("open", body("open"))
    monkeypatch.setattr(disk.calls, "replace", fail)
    for n in range(6):
        stream.append(body(f"call-{n}"))
    assert len(segment_files(folder_of(stream))) == 1
    monkeypatch.undo()
    crash(stream)
    again = reopened(folder_of(stream), segment_bytes=2000)
    assert set(again.open_calls) == {"open"}
    again.append(body("next"))
    assert len(segment_files(folder_of(stream))) == 2
    assert_chain(file_lines(folder_of(stream)), stream.id)
    again.close()


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "otlp.cursor"
    Cursor(segment=1).save(path)
    before = path.read_bytes()
    for name, fault in (("write", Faulty(good=3)), ("replace", fail)):
        monkeypatch.setattr(disk.calls, name, fault)
        with pytest.raises(OSError, match="Input/output error"):
            Cursor(segment=2).save(path)
        monkeypatch.undo()
    assert [entry.name for entry in tmp_path.iterdir()] == ["otlp.cursor"]
    assert path.read_bytes() == before


def test_a_record_is_set_aside_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    quarantine = Quarantine(tmp_path / "otlp.quarantine.jsonl")
    quarantine.append(b"{}", "first")
    before = quarantine.path.read_bytes()
    monkeypatch.setattr(disk.calls, "write", Faulty(good=10))
    with pytest.raises(OSError, match="Input/output error"):
        quarantine.append(b"{}", "second")
    assert quarantine.path.read_bytes() == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """256 KiB that are soon full."""
    place = tmp_path / "small"
    place.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=256k", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@needs_root
def test_on_a_full_disk_records_are_refused_and_go_on_once_there_is_room(small_disk: Path):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(100_000))
    stream = Stream.create(small_disk, segment_bytes=20_000)
    kept: list[str] = []

    def call_without_end() -> None:
        for call in (f"call-{n}" for n in count()):
            stream.begin(call, body(call))
            stream.append(body(call), ends=call)
            kept.append(call)

    with pytest.raises(JournalError, match="No space left on device: free some space"):
        call_without_end()
    for n in range(50):
        with pytest.raises(JournalError):
            stream.append(body(f"refused-{n}", pad=5000))
    ballast.unlink()
    stream.append(body("next"))
    lines = file_lines(folder_of(stream))
    assert ids(lines) == [*kept, "next"]
    assert_chain(lines, stream.id)
    assert all(path.read_bytes().endswith(b"\n") for path in segment_files(folder_of(stream)))
    stream.close()


@needs_root
def test_on_a_full_disk_a_stream_cannot_be_begun_and_says_why(small_disk: Path):
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "ballast").write_bytes(bytes(1_000_000))
    stream = Stream.create(small_disk)
    with pytest.raises(JournalError, match="No space left"):
        stream.append(header())
    stream.close()


@needs_root
def test_a_disk_that_becomes_read_only_refuses_new_segments_and_says_why(small_disk: Path):
    stream = Stream.create(small_disk)
    stream.append(header())
    crash(stream)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(JournalError, match="Read-only file system"):
        Stream.create(small_disk)
    with pytest.raises((JournalError, OSError), match="Read-only file system"):
        reopened(folder_of(stream))


@needs_root
def test_too_many_open_files_refuse_a_new_stream_and_leave_no_descriptor_behind(ordinary: Ordinary):
    def work() -> list[object]:
        stream = Stream.create(ordinary.folder)
        before = len(list(Path("/proc/self/fd").iterdir()))
        refused = 0
        for limit in range(3, 20):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, 4096))
            try:
                Stream.create(ordinary.folder).close()
            except JournalError as error:
                refused += "Too many open files" in str(error)
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
        stream.append(header())
        return [refused > 1, len(list(Path("/proc/self/fd").iterdir())) - before]

    assert ordinary.run(work) == [True, 0]


def test_a_pipe_in_a_file_s_place_is_no_file_and_blocks_nobody(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for opened in (disk.open_for_reading, disk.reopen):
        with pytest.raises(OSError, match="no regular file"):
            opened(tmp_path / "pipe")


def test_a_larger_file_than_expected_is_not_loaded(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"12345")
    assert disk.load(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        disk.load(tmp_path / "file", 4)


def test_without_memory_files_an_unlinked_temporary_one_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stream = Stream.create(None)
    entry = stream.append(header())
    assert stream.reader().first_line() == entry.line
    assert list(tmp_path.iterdir()) == []
    stream.close()


def test_what_stands_in_the_way_is_moved_aside(tmp_path: Path):
    assert disk.make_way(tmp_path / "name") is None
    for n in (1, 2):
        (tmp_path / "name").write_text(str(n), encoding="utf-8")
        assert disk.make_way(tmp_path / "name") == tmp_path / f"name.foreign-{n}"
        assert (tmp_path / f"name.foreign-{n}").read_text(encoding="utf-8") == str(n)


def test_a_file_is_under_its_name_only_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "file"
    seen: list[bool] = []

    def fill(fd: int) -> None:
        disk.write(fd, b"whole")
        seen.append(path.exists())

    disk.close(disk.publish(path, fill))
    assert seen == [False]
    assert path.read_bytes() == b"whole"


def test_incidents_say_what_is_missing():
    assert missing("segment_truncated", 3, 5, 70) == Incident("segment_truncated", 3, 5, 3, 70)
    assert missing("segment_truncated", 6, 5, 7) == Incident("segment_truncated", bytes=7)


def test_a_copy_of_a_file_that_shrinks_meanwhile_ends(tmp_path: Path):
    source, target = disk.create(tmp_path / "source"), disk.create(tmp_path / "target")
    disk.write(source, b"1234")
    disk.copy(source, 10, target)
    assert disk.read(target, 0, 100) == b"1234"
    disk.close(source)
    disk.close(target)
    disk.close(target)


def test_a_pipe_s_worth_at_a_time_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fd = disk.create(tmp_path / "file")
    disk.write(fd, b"0123456789")
    pread = os.pread

    def short(fd: int, size: int, offset: int) -> bytes:
        return pread(fd, min(size, 3), offset)

    monkeypatch.setattr(os, "pread", short)
    assert disk.read(fd, 1, 7) == b"1234567"
    assert disk.read(fd, 1, 70) == b"123456789"
    disk.close(fd)


def test_a_new_file_is_new(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        disk.create(tmp_path / "file")
