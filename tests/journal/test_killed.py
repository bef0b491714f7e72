"""A writer is killed, wherever that may be: nothing that was acknowledged is lost."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_mcp_audit.journal import Lock, Stream, disk
from tests.journal.streams import (
    assert_chain,
    body,
    crash,
    file_lines,
    header,
    ids,
    reopened,
    segment_files,
    stop,
)


def scenario(root: Path, acknowledge: Callable[[str], None]) -> None:
    """Calls, some of them open for long, over several rotations."""
    stream = Stream.create(root, segment_bytes=2500)
    acknowledge(f"stream {stream.id}")
    stream.append(header())
    acknowledge("ended start")
    for n in range(10):
        stream.begin(f"call-{n}", body(f"call-{n}"))
        acknowledge(f"begun call-{n}")
        done = n - (3 if n % 3 else 5)
        if done >= 0 and f"call-{done}" in stream.open_calls:
            stream.append(body(f"call-{done}"), ends=f"call-{done}")
            acknowledge(f"ended call-{done}")


def assert_recovered(root: Path, acknowledged: list[str]) -> None:
    """All that was acknowledged is there, and what is there is in order."""
    begun, ended = ({line.split()[1] for line in acknowledged if line.startswith(word)} for word in ("begun", "ended"))
    for folder in root.iterdir():
        if not any(path.stat().st_size for path in segment_files(folder)):
            assert not ended
            continue
        stream = reopened(folder, segment_bytes=2500)
        lines = file_lines(folder)
        kept = ids(lines)
        assert_chain(lines, folder.name)
        assert ended <= set(kept)
        assert len(set(kept)) == len(kept)
        assert begun - set(kept) <= set(stream.open_calls)
        assert not set(stream.open_calls) & set(kept)
        assert {found.reason for found in stream.incidents} <= {"torn_tail", "torn_start"}
        stream.begin("after", body("after"))
        open_calls = dict(stream.open_calls)
        crash(stream)
        stream = reopened(folder, segment_bytes=2500)
        assert dict(stream.open_calls) == open_calls
        for call in list(stream.open_calls):
            stream.append(body(call), ends=call)
        stop(stream)
        assert_chain(file_lines(folder), folder.name)


class Fuse:
    """Ends the process with the ``n``-th call that changes the disk, before it is made."""

    def __init__(self, n: int) -> None:
        self._left = n

    def before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def burning(*args: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                os._exit(9)
            return call(*args, **named)

        return burning


def killed_at(n: int, root: Path, log: Path) -> bool:
    """Play the scenario in a child that dies before its ``n``-th change to the disk; answers whether it did."""
    child = os.fork()
    if child == 0:
        fuse = Fuse(n)
        with log.open("a", encoding="utf-8") as file:
            for name in ("write", "replace", "ftruncate"):
                setattr(disk.calls, name, fuse.before(getattr(disk.calls, name)))
            os.open, os.unlink, os.mkdir = fuse.before(os.open), fuse.before(os.unlink), fuse.before(os.mkdir)
            scenario(root, lambda text: print(text, file=file, flush=True))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9)
    return code == 9


def test_killed_before_any_change_to_the_disk_nothing_acknowledged_is_lost(tmp_path: Path):
    n = 0
    while True:
        root, log = tmp_path / f"{n}", tmp_path / f"{n}.log"
        root.mkdir(mode=0o700)
        died = killed_at(n, root, log)
        assert_recovered(root, log.read_text(encoding="utf-8").splitlines())
        if not died:
            break
        n += 1
    assert n > 40


WRITER = """
import pathlib, random, sys
from otel_mcp_audit.journal import Stream
from tests.journal.streams import body, header
stream = Stream.create(pathlib.Path(sys.argv[1]), segment_bytes=20_000)
stream.append(header())
print("ended start", flush=True)
choose = random.Random(sys.argv[2])
n = 0
while True:
    if len(stream.open_calls) < 8:
        n += 1
        stream.begin(f"call-{n}", body(f"call-{n}", pad=choose.randrange(6000)))
        print(f"begun call-{n}", flush=True)
    else:
        done = choose.choice(list(stream.open_calls))
        stream.append(body(done, pad=choose.randrange(6000)), ends=done)
        print(f"ended {done}", flush=True)
"""


@pytest.mark.parametrize("seed", range(10))
def test_killed_at_a_random_moment_nothing_acknowledged_is_lost(tmp_path: Path, seed: int):
    """Acknowledgements go through a pipe that outlives the writer: the parent's word against the journal's."""
    command = [sys.executable, "-c", WRITER, str(tmp_path), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline().strip()]
        until = time.monotonic() + random.Random(seed).uniform(0.0, 0.3)
        while time.monotonic() < until:
            acknowledged.append(child.stdout.readline().strip())
        child.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
    assert child.returncode == -signal.SIGKILL
    assert_recovered(tmp_path, acknowledged)


def test_the_lock_goes_with_its_owner(tmp_path: Path):
    command = [sys.executable, "-c", WRITER, str(tmp_path), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        (folder,) = tmp_path.iterdir()
        assert not Lock(folder).take()
        child.kill()
    assert Lock(folder).take()
