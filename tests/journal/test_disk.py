import os
from pathlib import Path

import pytest

from otel_mcp_audit.journal import Incident, Stream, disk
from otel_mcp_audit.journal.incident import missing
from tests.journal.streams import (
    header,
)


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
