"""Faults of the disk that cannot be had, through the seam: short writes, and errors in the middle of one."""

import errno
import os
from pathlib import Path

import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Cursor, Quarantine, Stream, disk
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
