"""Records brought to the disk: what a failed sync leaves, and that one sync serves all who wait.

That a disk fails a sync cannot be had, so it is bent through the seam; the files are real.
"""

import errno
import os
import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Due, Stream, disk, home
from tests.journal.streams import assert_chain, body, crash, file_lines, folder_of, header, reopened, segment_files


class Syncs:
    """Notes how much of which file each sync had covered when it came back; ``fail`` so many of them."""

    def __init__(self) -> None:
        self.covered: dict[int, int] = {}
        self.calls = 0
        self.fail = 0

    def __call__(self, fd: int) -> None:
        found = os.fstat(fd)
        self.calls += 1
        if self.fail:
            self.fail -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fsync(fd)
        self.covered[found.st_ino] = found.st_size

    def on_disk(self, folder: Path) -> bytes:
        """What would be left of the records if the power went now."""
        return b"".join(path.read_bytes()[: self.covered.get(path.stat().st_ino, 0)] for path in segment_files(folder))


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> Syncs:
    syncs = Syncs()
    monkeypatch.setattr(disk.calls, "sync", syncs)
    return syncs


@pytest.fixture
def synced(tmp_path: Path, syncs: Syncs) -> Iterator[Stream]:
    stream = Stream.create(tmp_path / "journal", synced=True)
    stream.append(header())
    yield stream
    stream.close()


def due(stream: Stream) -> Due:
    found = stream.due()
    assert found is not None
    return found


def kept(stream: Stream, name: str, pad: int = 0) -> bytes:
    """Append a record and wait for it."""
    entry = stream.append(body(name, pad=pad))
    due(stream).wait()
    return entry.line


def test_a_record_is_due_until_a_sync_has_covered_it(synced: Stream, syncs: Syncs):
    entry = synced.append(body("a"))
    waited = due(synced)
    assert not waited.done
    assert entry.line not in syncs.on_disk(folder_of(synced))
    waited.wait()
    assert waited.done
    assert entry.line in syncs.on_disk(folder_of(synced))
    before = syncs.calls
    waited.wait()
    assert syncs.calls == before


def test_nothing_is_due_where_nobody_asked_and_nothing_is_synced(tmp_path: Path, syncs: Syncs):
    for stream in (Stream.create(tmp_path / "plain"), Stream.create(None, synced=True)):
        stream.append(header())
        assert stream.due() is None
        assert stream.start_due() is None
        stream.close()
    assert syncs.calls == 0


def test_all_who_wait_share_one_sync(synced: Stream, monkeypatch: pytest.MonkeyPatch):
    away, back = threading.Event(), threading.Event()
    calls: list[int] = []

    def slow(fd: int) -> None:
        calls.append(fd)
        away.set()
        assert back.wait(10)

    monkeypatch.setattr(disk.calls, "sync", slow)
    synced.append(body("first"))
    first = threading.Thread(target=due(synced).wait)
    first.start()
    assert away.wait(10)
    waiting: list[threading.Thread] = []
    for n in range(50):
        synced.append(body(f"call-{n}"))
        waiting.append(threading.Thread(target=due(synced).wait))
        waiting[-1].start()
    back.set()
    for thread in (first, *waiting):
        thread.join(10)
        assert not thread.is_alive()
    assert len(calls) == 2
    assert due(synced).done


def test_after_a_failed_sync_the_lines_stand_in_another_file_and_the_trail_says_so(synced: Stream, syncs: Syncs):
    kept(synced, "before")
    (segment,) = segment_files(folder_of(synced))
    inode = segment.stat().st_ino
    syncs.fail = 1
    line = kept(synced, "during")
    assert [incident.reason for incident in synced.incidents] == ["sync_failed"]
    assert segment.stat().st_ino != inode
    assert line in syncs.on_disk(folder_of(synced))
    kept(synced, "after")
    lines = file_lines(folder_of(synced))
    assert_chain(lines, synced.id)
    assert len(lines) == 4


def test_a_file_whose_sync_failed_is_never_trusted_again(synced: Stream, syncs: Syncs):
    """The kernel answers a second sync that all is well, although it has dropped the pages."""
    kept(synced, "before")
    (segment,) = segment_files(folder_of(synced))
    inode = segment.stat().st_ino
    syncs.fail = 2  # of the file, and of the one that is to take its place
    line = synced.append(body("during")).line
    with pytest.raises(JournalError, match=r"could not be synced: Input/output error"):
        due(synced).wait()
    assert not due(synced).done
    assert segment.stat().st_ino == inode
    due(synced).wait()
    assert segment.stat().st_ino != inode
    assert line in syncs.on_disk(folder_of(synced))
    assert_chain(file_lines(folder_of(synced)), synced.id)


def test_a_segment_that_was_turned_over_is_synced_with_the_next(tmp_path: Path, syncs: Syncs):
    stream = Stream.create(tmp_path / "journal", segment_bytes=2048, synced=True)
    lines = [stream.append(header()).line, *(stream.append(body(f"{n}", pad=600)).line for n in range(8))]
    assert len(segment_files(folder_of(stream))) > 2
    due(stream).wait()
    assert syncs.on_disk(folder_of(stream)) == b"".join(line + b"\n" for line in lines)
    stream.close()


def test_where_the_disk_takes_no_sync_memory_does_not_fill_instead(
    tmp_path: Path, syncs: Syncs, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(home, "HELD_BYTES", 4096)
    stream = Stream.create(tmp_path / "journal", segment_bytes=2048, synced=True)
    stream.append(header())
    syncs.fail = 1 << 30
    taken = 0
    with suppress(JournalError):
        for n in range(100):
            stream.append(body(f"{n}", pad=600))
            taken = n
    assert 0 < taken < 8
    with pytest.raises(JournalError, match="takes no syncs"):
        stream.append(body("one more"))
    syncs.fail = 0
    due(stream).wait()
    stream.append(body("again"))
    assert_chain(file_lines(folder_of(stream)), stream.id)
    stream.close()


def test_a_start_is_due_and_its_file_is_written_anew_after_a_failed_sync(synced: Stream, syncs: Syncs):
    synced.begin("a", body("a"))
    waited = synced.start_due()
    assert waited is not None
    assert not waited.done
    syncs.fail = 1
    waited.wait()
    (starts,) = folder_of(synced).glob("*.starts")
    assert syncs.covered[starts.stat().st_ino] == starts.stat().st_size == len(body("a")) + 1
    synced.append(body("b"))
    crash(synced)
    assert set(reopened(folder_of(synced)).open_calls) == {"a"}


def test_a_sync_that_hangs_holds_nobody_else_for_ever(synced: Stream, monkeypatch: pytest.MonkeyPatch):
    away, back = threading.Event(), threading.Event()

    def hang(fd: int) -> None:
        away.set()
        assert back.wait(30)

    monkeypatch.setattr(disk.calls, "sync", hang)
    monkeypatch.setattr("otel_mcp_audit.journal.syncing.WAIT_S", 0.05)
    synced.append(body("a"))
    hung = threading.Thread(target=due(synced).wait)
    hung.start()
    assert away.wait(10)
    synced.append(body("b"))
    with pytest.raises(JournalError, match="has not come back from a sync"):
        due(synced).wait()
    back.set()
    hung.join(10)


@pytest.mark.parametrize("seed", range(8))
def test_whenever_the_power_goes_everything_that_was_waited_for_is_on_the_disk(tmp_path: Path, syncs: Syncs, seed: int):
    """Replayed at every acknowledgement: segments that turn over, syncs that fail, records that nobody waits for."""
    chance = random.Random(seed)
    stream = Stream.create(tmp_path / "journal", segment_bytes=4096, synced=True)
    acknowledged = [stream.append(header()).line]
    due(stream).wait()
    for n in range(120):
        syncs.fail = chance.choice((0, 0, 0, 0, 1, 2))
        line = stream.append(body(f"call-{n}", pad=chance.randrange(1500))).line
        if chance.random() < 0.6:
            try:
                due(stream).wait()
            except JournalError:
                continue
            finally:
                syncs.fail = 0
            acknowledged.append(line)
            left = syncs.on_disk(folder_of(stream))
            assert all(line in left for line in acknowledged)
    assert_chain(file_lines(folder_of(stream)), stream.id)
    stream.close()
