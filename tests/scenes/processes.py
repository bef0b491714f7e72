"""Servers as an operator starts them: ``opentelemetry-instrument python serve.py``, each a process of its own."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final

from tests.scenes import tools
from tests.scenes.kernel import Style

SERVE: Final = Path(__file__).with_name("serve.py")
PATIENCE: Final = 30.0
"""Seconds that anything a process does may take before it counts as never."""


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """This process's environment without its OTel settings; the journal in ``folder`` and nothing sent anywhere."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)  # else every server compiles every package anew
    exporters = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")
    return {
        **inherited,
        **exporters,
        "FASTMCP_LOG_LEVEL": "CRITICAL",
        "OTEL_MCP_AUDIT_DIR": str(folder),
        "OTEL_MCP_AUDIT_SINKS": "none",
        **changes,
    }


def command(script: Path, *arguments: str) -> list[str]:
    """The command line of an instrumented script, from the environment that the tests run in."""
    instrument = Path(sys.executable).with_name("opentelemetry-instrument")
    return [str(instrument), sys.executable, str(script), *arguments]


class Lines(threading.Thread):
    """Reads a pipe to its end, line by line, so that the process never waits and others can await a line."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._arrived = threading.Condition()
        self._ended = False
        self.lines: list[bytes] = []
        self.start()

    def run(self) -> None:
        with self._pipe:
            for line in self._pipe:
                with self._arrived:
                    self.lines.append(line)
                    self._arrived.notify_all()
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()

    def await_line(self, wanted: Callable[[bytes], bool], *, times: int = 1) -> bytes:
        """The line, old or new, with which as many as ``times`` that are wanted have come.

        Raises:
            AssertionError: the pipe ended or the time passed; the text shows the last lines.
        """
        with self._arrived:
            self._arrived.wait_for(lambda: self._ended or sum(map(wanted, self.lines)) >= times, PATIENCE)
            found = list(filter(wanted, self.lines))
        assert len(found) >= times, b"".join(self.lines[-20:]).decode(errors="replace") or "no output"
        return found[times - 1]

    @property
    def text(self) -> str:
        """All that was read."""
        return b"".join(self.lines).decode(errors="replace")


class ServerProcess:
    """A running server; as a context manager it is always ended."""

    def __init__(self, style: Style, transport: str, environ: Mapping[str, str], script: Path = SERVE) -> None:
        self._process = subprocess.Popen(
            command(script, style, transport),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self.stdin: IO[bytes] = self._process.stdin
        self.stdout = Lines(self._process.stdout)
        self.stderr = Lines(self._process.stderr)

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.ended()

    @property
    def pid(self) -> int:
        """The server's process id: ``opentelemetry-instrument`` replaces itself by the server."""
        return self._process.pid

    def port(self) -> int:
        """The port that uvicorn took."""
        line = self.stderr.await_line(lambda line: b"Uvicorn running on http://" in line)
        return int(line.split(b"http://")[1].split()[0].rpartition(b":")[2])

    def await_start(self, tag: str) -> None:
        """Wait until a tool says that it is in it."""
        wanted = tools.started(tag).encode()
        self.stderr.await_line(lambda line: wanted in line)

    def terminate(self) -> int:
        """End it as an operator does, with SIGTERM; answers the exit status."""
        self._process.terminate()
        return self.ended()

    def leave(self) -> int:
        """End a stdio server as its client does, by closing its stdin; answers the exit status."""
        self.stdin.close()
        return self.ended()

    def ended(self) -> int:
        """Wait until it is gone and all that it said is read; answers the exit status."""
        if not self.stdin.closed:
            self.stdin.close()
        status = self._process.wait(PATIENCE)
        self.stdout.join(PATIENCE)
        self.stderr.join(PATIENCE)
        return status
