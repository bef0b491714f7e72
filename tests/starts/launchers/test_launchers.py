"""gunicorn, ``mcp run``, ``fastmcp run`` and ``uvx``: each serving process its stream, each call its record."""

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from tests.integration.process import ROOT, Process, Session, call, eventually
from tests.receivers import HttpReceiver
from tests.require import require
from tests.scenes import kernel
from tests.scenes.accounts import ALICE
from tests.scenes.http_wire import HttpWire
from tests.starts import running
from tests.starts.running import APPLICATION, CALLS, INSTRUMENT, Launched, Left

MEND: Final = "run the leg: nox -s 'matrix(starts)'"
GUNICORN: Final = ("gunicorn", "-k", "uvicorn_worker.UvicornWorker", "-w", "3", "-b", "127.0.0.1:0")
COMMANDS: Final = {
    "gunicorn -w 3": (*GUNICORN, APPLICATION),
    "gunicorn --preload -w 3": (*GUNICORN, "--preload", APPLICATION),
}
STDIO: Final = Path(__file__).with_name("stdio_server.py")
FAST: Final = Path(__file__).with_name("fast_server.py")
RUNNERS: Final = {
    "mcp run": ("mcp", "run", f"{STDIO}:mcp"),
    "fastmcp run": ("fastmcp", "run", "--no-banner", f"{FAST}:mcp"),
    "python -m": (sys.executable, "-m", "tests.scenes.serve", kernel.LEADING, "stdio"),
}


@pytest.fixture(scope="module", params=COMMANDS)
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Left:
    require("gunicorn", find_spec("gunicorn") and find_spec("uvicorn_worker"), MEND)
    line = [INSTRUMENT, *COMMANDS[request.param]]
    return running.thirty_calls(request.param, line, tmp_path_factory.mktemp("gunicorn"), 3)


def test_thirty_calls_are_thirty_records_in_the_journal_and_at_the_receiver(left: Left) -> None:
    left.assert_whole()
    assert left.outcomes() == {"success": CALLS}


def test_each_worker_has_its_one_stream_and_the_master_none(left: Left) -> None:
    assert len(set(left.writers)) == len(left.writers) == 3
    assert left.pid not in left.writers
    assert left.reasons == ["server stopped"] * 3


def test_a_worker_that_gunicorn_kills_for_its_silence_leaves_an_unknown_and_the_next_one_answers(
    tmp_path: Path,
) -> None:
    require("gunicorn", find_spec("gunicorn") and find_spec("uvicorn_worker"), MEND)
    left = Left(mode="gunicorn: worker killed by --timeout", folder=tmp_path / "journal")
    line = [INSTRUMENT, *GUNICORN[:3], "-w", "1", "-b", "127.0.0.1:0", "--timeout", "3", APPLICATION]
    with HttpReceiver() as receiver:
        environ = running.environment(left.folder, receiver)
        with Launched(line, environ) as server:
            port = server.port()
            running.await_servers(left.folder, 1)
            stopped = left.writers_now()[0]
            wire = HttpWire(port, "silent", ALICE, left.log, kernel.ERAS[-1])
            in_flight = wire.begin(running.scene("slow", "unknown", seconds=60, tag="silent"))
            server.await_start("silent")
            os.kill(stopped, signal.SIGSTOP)  # says nothing to its master any more, whatever holds it
            running.await_servers(left.folder, 2)
            in_flight.drop()
            wire.call(running.scene("echo", text="the next worker"))
            left.pid, left.status = server.pid, server.terminate()
        running.ship(left, environ)
        running.finish(left, receiver, environ)
    left.assert_whole()
    assert left.outcomes() == {"unknown": 1, "success": 1}


def test_workers_whose_gunicorn_master_was_killed_serve_on_and_end_at_their_own_sigterm(tmp_path: Path) -> None:
    require("gunicorn", find_spec("gunicorn") and find_spec("uvicorn_worker"), MEND)
    left = Left(mode="gunicorn: master kill -9", folder=tmp_path / "journal")
    with HttpReceiver() as receiver:
        environ = running.environment(left.folder, receiver)
        with Launched([INSTRUMENT, *COMMANDS["gunicorn -w 3"]], environ) as server:
            port = server.port()
            running.await_servers(left.folder, 3)
            running.call_all(port, left.log)
            os.kill(server.pid, signal.SIGKILL)
            wire = HttpWire(port, "after", ALICE, left.log, kernel.ERAS[-1])
            wire.call(running.scene("echo", text="the master is gone"))
            for worker in left.writers_now():
                os.kill(worker, signal.SIGTERM)
            eventually(lambda: server.descendants <= {server.pid}, "the workers have ended")
            left.pid, left.status = server.pid, server.ended()
        running.finish(left, receiver, environ)
    left.assert_whole()
    assert left.outcomes() == {"success": CALLS + 1}
    assert left.pid not in left.writers
    assert left.reasons == ["server stopped"] * 3


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_stdio_server_behind_a_runner_has_one_stream_and_every_call_one_record(runner: str, tmp_path: Path) -> None:
    require(runner, shutil.which(RUNNERS[runner][0], path=str(running.BIN)) or "python" in runner, MEND)
    _stdio(runner, [INSTRUMENT, *RUNNERS[runner]], tmp_path)


def test_uvx_brings_us_along(tmp_path: Path) -> None:
    wheel = os.environ.get("AUDIT_WHEEL")
    require("wheel", wheel, MEND)
    require("uvx", shutil.which("uvx", path=str(running.BIN)), MEND)
    others = ("opentelemetry-distro", "mcp>=2.3,<3")
    included = [part for package in (wheel, *others) for part in ("--with", str(package))]
    line = [str(running.BIN / "uvx"), "--quiet", "--exclude-newer", os.environ["AUDIT_SNAPSHOT"], *included]
    program = ["--from", "opentelemetry-instrumentation", "opentelemetry-instrument", "python", str(STDIO)]
    _stdio("uvx --with", [*line, *program], tmp_path)


def _stdio(mode: str, line: Sequence[str], folder: Path) -> None:
    left = Left(mode=mode, folder=folder / "journal")
    with HttpReceiver() as receiver:
        environ = running.environment(left.folder, receiver)
        with Process(list(line), environ, cwd=ROOT) as server:
            session = Session(server)
            for number in range(CALLS):
                session.wire.call(call("echo", "echo", text=f"{number}"))
            for made in session.log.made:
                made.key = made.key.replace(f"{server.pid}/", "scenes-wire/")  # uvx is not the server itself
            left.log, left.pid, left.status = session.log, server.pid, server.leave()
        running.finish(left, receiver, environ)
    left.assert_whole()
    assert left.outcomes() == {"success": CALLS}
    assert len(left.writers) == 1
