"""A forked child inherits the stream's files and must not harm them."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Lock, Stream, disk
from tests.journal.streams import assert_chain, body, every, file_lines, header, reopened


def in_child(work: Callable[[], None]) -> int:
    """The exit status of a forked child that does ``work``."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def refused(stream: Stream) -> None:
    for attempt in (lambda: stream.append(body("child")), lambda: stream.begin("child", body("child"))):
        with pytest.raises(JournalError, match="parent process"):
            attempt()


@pytest.mark.parametrize("leave", [Stream.abandon, Stream.close, refused])
@pytest.mark.parametrize("folder", [True, False])
def test_a_child_changes_nothing_and_the_parent_goes_on(
    tmp_path: Path, leave: Callable[[Stream], None], *, folder: bool
):
    stream = Stream.create(tmp_path if folder else None)
    stream.append(header())
    stream.begin("open", body("open"))

    def work() -> None:
        leave(stream)
        refused(stream)

    assert in_child(work) == 0
    stream.append(body("open"), ends="open")
    stream.begin("other", body("other"))
    assert_chain(every(stream.reader()), stream.id)
    assert stream.incidents == []
    if stream.path is not None:
        assert not Lock(stream.path).take()
        assert len(list(stream.path.glob("*.starts"))) == 1
    stream.close()


def test_a_child_closes_what_it_inherited(tmp_path: Path):
    stream = Stream.create(tmp_path)

    def work() -> None:
        stream.abandon()
        descriptors = [fd for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
        assert not [fd for fd in descriptors if stream.id in str(fd.readlink())]

    assert in_child(work) == 0
    stream.close()


def test_a_child_is_not_held_up_by_a_thread_that_was_appending_when_it_was_forked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stream = Stream.create(tmp_path)
    writing, forked = threading.Event(), threading.Event()

    def held(fd: int, data: bytes) -> int:
        writing.set()
        forked.wait(30)
        return os.write(fd, data)

    monkeypatch.setattr(disk.calls, "write", held)
    thread = threading.Thread(target=stream.append, args=(header(),))
    thread.start()
    assert writing.wait(30)
    try:
        assert in_child(stream.abandon) == 0
        assert in_child(stream.close) == 0
        assert in_child(lambda: refused(stream)) == 0
    finally:
        forked.set()
        thread.join(30)
    assert stream.head is not None
    stream.close()


def test_a_child_begins_a_stream_of_its_own(tmp_path: Path):
    stream = Stream.create(tmp_path)
    stream.append(header())

    def work() -> None:
        stream.abandon()
        own = Stream.create(tmp_path)
        own.append(header())
        own.close()

    assert in_child(work) == 0
    (other,) = {path.name for path in tmp_path.iterdir()} - {stream.id}
    assert_chain(file_lines(tmp_path / other), other)
    stream.close()


PARENT = """
import os, pathlib, sys
from otel_mcp_audit.journal import Stream
from tests.journal.streams import body, header
stream = Stream.create(pathlib.Path(sys.argv[1]))
stream.append(header())
child = os.fork()
if child == 0:
    {child}
os.write(1, str(child).encode() + b" " + stream.id.encode() + bytes([10]))
{parent}
"""


def test_a_child_that_ends_like_any_program_leaves_the_parent_its_lock(tmp_path: Path):
    code = PARENT.format(child="sys.exit(0)", parent="os.waitpid(child, 0); sys.stdin.read()")
    command = [sys.executable, "-c", code, tmp_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        _, stream_id = parent.stdout.readline().split()
        assert parent.stdin is not None
        folder = tmp_path / stream_id.decode()
        os.waitid(os.P_PID, parent.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        assert not Lock(folder).take()
        parent.stdin.close()
    assert list(folder.glob("*.jsonl"))


def test_a_stream_is_free_once_its_owner_is_dead_though_a_child_lives_on(tmp_path: Path):
    code = PARENT.format(
        child="import signal; os.write(1, bytes([10])); signal.pause()", parent="os.kill(os.getpid(), 9)"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        said = sorted(parent.stdout.readline() for _ in range(2))
        child, stream_id = said[1].split()
        parent.wait()
        try:
            again = reopened(tmp_path / stream_id.decode())
            assert again.head is not None
            again.close()
        finally:
            os.kill(int(child), signal.SIGKILL)
