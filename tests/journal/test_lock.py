import errno
import os
from pathlib import Path

import pytest
from filelock import FileLock

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Lock, Origin, Stream, find
from tests.journal.streams import BOOT, HOST, SERVICE, SINKS, crash, header


def refusing(error: BaseException):
    def acquire(*_: object, **__: object) -> None:
        raise error

    return acquire


NO_LOCKS = [OSError(errno.ENOLCK, "No locks available"), OSError(errno.ENOTSUP, "Not supported"), NotImplementedError()]


def test_one_holds_the_lock_and_another_does_not(tmp_path: Path):
    first, second = Lock(tmp_path), Lock(tmp_path)
    assert first.take()
    assert not second.take()
    assert not second.held
    first.release()
    assert second.take()
    second.release()


def test_the_lock_file_stays_and_is_ours_alone(tmp_path: Path):
    lock = Lock(tmp_path)
    lock.take()
    lock.release()
    lock.release()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_lock_whose_file_was_removed_or_replaced_is_not_intact(tmp_path: Path):
    lock = Lock(tmp_path)
    assert not lock.intact()
    lock.take()
    assert lock.intact()
    (tmp_path / "lock").unlink()
    assert not lock.intact()
    (tmp_path / "lock").touch()
    assert not lock.intact()
    lock.release()


def test_a_folder_that_is_gone_is_not_made_again_for_its_lock(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="gone"):
        Lock(tmp_path / "gone").take()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", NO_LOCKS)
def test_where_locks_do_not_work_streams_are_written_and_none_is_adopted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
):
    left = Stream.create(tmp_path)
    left.append(header())
    crash(left)
    monkeypatch.setattr(FileLock, "acquire", refusing(error))
    stream = Stream.create(tmp_path)
    stream.append(header())
    said: list[str] = []
    assert find(tmp_path, Origin(HOST, BOOT, SERVICE, SINKS), said.append) == []
    assert [problem for problem in said if left.id in problem]
    stream.close()


def test_a_lock_that_cannot_be_made_though_locks_work_refuses_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Written without its lock, the stream would be adopted under its writer's hands."""
    monkeypatch.setattr(FileLock, "acquire", refusing(OSError(errno.EMFILE, os.strerror(errno.EMFILE))))
    with pytest.raises(JournalError, match="Too many open files"):
        Stream.create(tmp_path)
