"""Surroundings that nobody prepared: the first process of a container, no account, no home, nothing to write to."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry.instrumentation import auto_instrumentation  # pyright: ignore[reportMissingTypeStubs] -- none

from tests.integration import trail
from tests.integration.process import Process, Session, eventually
from tests.receivers import HttpReceiver
from tests.require import require
from tests.scenes.log import Identity
from tests.scenes.processes import SERVE, command
from tests.starts import running

NOBODY: Final = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
STRANGER: Final = ("setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups")
MEND: Final = "run as root on Linux with util-linux"


def available(*line: str) -> bool:
    """Whether it can be run here."""
    return shutil.which(line[0]) is not None and subprocess.run([*line, "true"], check=False).returncode == 0


def environment(receiver: HttpReceiver, **changes: str) -> dict[str, str]:
    environ = running.environment(Path("/unset"), receiver, **changes)
    for name in ("OTEL_MCP_AUDIT_DIR", "HOME", "XDG_STATE_HOME", "STATE_DIRECTORY"):
        environ.pop(name, None)
    return environ | changes


def server_line(*before: str) -> list[str]:
    return [*before, *command(SERVE, "framework", "stdio")]


def test_the_first_process_of_a_container_ends_at_sigterm_with_its_records_delivered(tmp_path: Path) -> None:
    unshare = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    require("unshare", available(*unshare), MEND)
    folder = tmp_path / "journal"
    with HttpReceiver() as receiver:
        with Process(server_line(*unshare), running.environment(folder, receiver)) as server:
            session = Session(server)
            session.echo()
            session.wire.begin(running.scene("slow", "aborted", seconds=60, tag="waiting"))
            server.await_start("waiting")
            (child,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="utf-8").split()
            os.kill(int(child), signal.SIGTERM)
            server.ended()
        records = receiver.records()
    calls = trail.events(trail.lines(folder), "tool_call")
    assert [call["response"]["outcome"] for call in calls] == ["success", "aborted"]
    (start,) = trail.events(trail.lines(folder), "audit_start")
    assert start["trail"]["pid"] == 1
    assert trail.undelivered(folder, records) == set()
    trail.assert_sound(folder)


@pytest.fixture
def temporary() -> Generator[Path]:
    """A temporary folder for everybody; those of the tests are their user's alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o1777)
        yield Path(folder)


@pytest.mark.parametrize(("user", "name"), [(NOBODY, "nobody"), (STRANGER, "54321")], ids=["nobody", "no passwd entry"])
def test_without_a_home_the_trail_goes_to_the_next_folder_and_every_call_arrives(
    user: Sequence[str], name: str, temporary: Path
) -> None:
    require("setpriv", available(*user), MEND)
    require("a Python that others may run", available(*user, sys.executable, "-c", ""), "install it outside /root")
    with HttpReceiver() as receiver:
        # As the loader would set it; the loader itself asks whether this user may run what root has installed.
        loaded = {"PYTHONPATH": str(Path(auto_instrumentation.__file__).parent), "TMPDIR": str(temporary)}
        line = [*user, sys.executable, str(SERVE), "framework", "stdio"]
        with Process(line, environment(receiver, **loaded)) as server:
            session = Session(server, Identity(name))
            session.echo()
            assert server.leave() == 0
        records = receiver.records()
    assert_once(session, records)
    (folder,) = temporary.glob("otel-mcp-audit-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    trail.assert_sound(folder)


def test_where_nothing_can_be_written_the_trail_is_in_memory_and_says_so(tmp_path: Path) -> None:
    unshare = ("unshare", "--mount")
    require("unshare", available(*unshare), MEND)
    script = "mount --make-rprivate / && for m in $(cut -d' ' -f2 /proc/mounts); do mount -o remount,ro,bind $m; done"
    script = f'({script}) 2>/dev/null; exec "$@"'
    with HttpReceiver() as receiver:
        line = [*unshare, "sh", "-c", script, "sh", *server_line()]
        with Process(line, environment(receiver, HOME="/root", TMPDIR=str(tmp_path))) as server:
            session = Session(server)
            session.echo()
            eventually(lambda: len(receiver.records()) >= 2, "delivered")
            assert server.leave() == 0
        records = receiver.records()
    assert list(tmp_path.iterdir()) == []
    assert_once(session, records)
    events = [json.loads(line)["event"] for line in trail.bodies(records)]
    assert {event["trail"]["durability"] for event in events if event["event_type"] == "audit_start"} == {"memory"}


def assert_once(session: Session, records: list[dict[str, Any]]) -> None:
    """The client's calls are at the receiver, each once."""
    trail.assert_complete(session.log, list(trail.bodies(records)))
