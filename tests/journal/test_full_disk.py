"""A real disk that is full or read-only, and a real limit of open files."""

import resource
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Stream
from tests.journal.ordinary import Ordinary, needs_root
from tests.journal.streams import (
    assert_chain,
    body,
    crash,
    file_lines,
    folder_of,
    header,
    ids,
    reopened,
    segment_files,
)


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
        highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
        for limit in range(3, highest + 8):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, 4096))
            try:
                Stream.create(ordinary.folder).close()
            except JournalError as error:
                refused += "Too many open files" in str(error)
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
        stream.append(header())
        return [refused > 1, len(list(Path("/proc/self/fd").iterdir())) - before]

    assert ordinary.run(work) == [True, 0]
