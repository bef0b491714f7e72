"""Puts the demonstration's server and client on stage: processes of their own, always ended."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import msgspec

from otel_mcp_audit.demo import parts
from otel_mcp_audit.demo.parts import DemoError

_HERE: Final = Path(__file__).parent
SERVER: Final = _HERE / "server.py"
CLIENT: Final = _HERE / "client.py"

_START_S: Final = 30.0
_CLIENT_S: Final = 30.0
_STOP_S: Final = 10.0
_RUNNING: Final = re.compile(r"running on http://127\.0\.0\.1:(\d+)")


class Call(msgspec.Struct, frozen=True):
    """One call as the client's own log has it: ``id`` is its ``X-Request-ID``, ``saw`` what came back."""

    id: str
    user: str
    tenant: str
    tool: str
    saw: str


def perform(folder: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> list[Call]:
    """Start the server, have the client's people work with it, stop it with SIGTERM.

    Args:
        folder: where ``journal``, ``server.log`` and ``client.log`` go.
        environ: the environment to start from; its OTel settings are left out, so that nothing is sent anywhere.
        say: told what is going on.

    Returns:
        The calls that the client made, in its own words.

    Raises:
        DemoError: a part is missing, or a process did not do what it should; the text names its log.
    """
    parts.require()
    with _ending_on_signals(), _server(folder, _quiet(environ, folder / "journal")) as server:
        say(f"started a server that knows nothing of auditing: {parts.LOADER} python {SERVER}")
        port = _port(server, folder / "server.log")
        say(f"it listens on 127.0.0.1:{port}; alice and carol of acme and bob of globex go to work")
        calls = _client(port, folder / "client.log")
        say(f"{len(calls)} calls made; stopping the server with SIGTERM")
        _stop(server)
    return calls


def _quiet(environ: Mapping[str, str], journal: Path) -> dict[str, str]:
    exporters = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")
    return {
        **{name: value for name, value in environ.items() if not name.startswith("OTEL_")},
        **exporters,
        "OTEL_SERVICE_NAME": "records",
        "OTEL_MCP_AUDIT_DIR": str(journal),
        "OTEL_MCP_AUDIT_SINKS": "none",
    }


@contextmanager
def _server(folder: Path, environ: Mapping[str, str]) -> Generator[subprocess.Popen[bytes]]:
    command = [str(parts.loader()), sys.executable, str(SERVER)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 -- a script of this package, by this interpreter
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=dict(environ)
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _port(server: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + _START_S
    while server.poll() is None and time.monotonic() < deadline:
        running = _RUNNING.search(log.read_text(encoding="utf-8", errors="replace"))
        if running:
            return int(running[1])
        time.sleep(0.05)
    raise DemoError(f"the demo's server did not start: see {log}")


def _client(port: int, log: Path) -> list[Call]:
    try:
        with log.open("wb") as errors:
            done = subprocess.run(  # noqa: S603 -- likewise
                [sys.executable, str(CLIENT), str(port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                timeout=_CLIENT_S,
                check=True,
            )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise DemoError(f"the demo's client failed: see {log}") from error
    return [msgspec.json.decode(line, type=Call) for line in done.stdout.splitlines()]


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_STOP_S)
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"the demo's server went on for {_STOP_S:.0f} s after SIGTERM") from error


@contextmanager
def _ending_on_signals() -> Generator[None]:
    """Let a signal that would end this process at once end its children first, as Ctrl-C does anyway."""
    ending = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    caught = [number for number in ending if signal.getsignal(number) is signal.SIG_DFL]
    for number in caught:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
