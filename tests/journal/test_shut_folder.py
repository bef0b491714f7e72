"""Folders that are mounted over, unmounted or closed to their owner."""

import subprocess
from pathlib import Path

import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Incident, Stream, disk, home, mending
from tests.journal.ordinary import Ordinary, needs_root
from tests.journal.removals import append, assert_whole, five_more, move_stream, remove_segment, remove_starts
from tests.journal.streams import (
    assert_chain,
    body,
    file_lines,
    folder_of,
)

pytestmark = pytest.mark.usefixtures("look_every_time")


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
