"""Processes as an operator starts them, with any script and any settings."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from tests.scenes.kernel import Style
from tests.scenes.log import ClientLog, Expected, Identity, Made
from tests.scenes.processes import PATIENCE, SERVE, Lines, ServerProcess, command, environment
from tests.scenes.scenes import Scene
from tests.scenes.stdio_runs import OS_USER
from tests.scenes.stdio_wire import StdioWire

ROOT: Final = Path(__file__).parents[2]
SERVICE: Final = "integration"
_UNSET: Final = ("OTEL_MCP_AUDIT_SINKS", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER")


class Process(ServerProcess):
    """A running server of any script.

    Args:
        line: the whole command line.
        environ: the whole environment.
        options: how else to start it, as ``Popen`` names it.
    """

    def __init__(self, line: list[str], environ: Mapping[str, str], **options: Any) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(environ), **options)
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self.stdin = self._process.stdin
        self.stdout = Lines(self._process.stdout)
        self.stderr = Lines(self._process.stderr)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def __enter__(self) -> "Process":
        return self

    def ended(self) -> int:
        """Wait until it is gone, even if it died over what it was being sent; answers the exit status."""
        with suppress(BrokenPipeError):
            self.stdin.close()
        return super().ended()

    def kill(self) -> int:
        """End it as nothing can prevent; answers the exit status."""
        self.send(signal.SIGKILL)
        return self.ended()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)


def scenes_server(environ: Mapping[str, str], transport: str = "stdio", style: Style = "framework") -> Process:
    """The scenes' server under ``opentelemetry-instrument``."""
    return Process(command(SERVE, style, transport), environ)


def script_server(script: Path, environ: Mapping[str, str], *arguments: str) -> Process:
    """A script of ours under ``opentelemetry-instrument``."""
    return Process(command(script, *arguments), environ)


def exporting(folder: Path, endpoint: str, **changes: str) -> dict[str, str]:
    """What an operator sets who has a Collector: the endpoint, and the service's name."""
    environ = environment(folder, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_SERVICE_NAME=SERVICE)
    return {name: value for name, value in environ.items() if name not in _UNSET} | changes


def command_line(*arguments: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``otel-mcp-audit``."""
    program = Path(sys.executable).with_name("otel-mcp-audit")
    return subprocess.run(
        [str(program), *arguments], env=dict(environ), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def python(code: str, environ: Mapping[str, str], *, instrumented: bool = True) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own; our tests can be imported there, behind what is installed."""
    instrument = [str(Path(sys.executable).with_name("opentelemetry-instrument"))] if instrumented else []
    line = [*instrument, sys.executable, "-c", f"import sys; sys.path.append({str(ROOT)!r})\n{code}"]
    return subprocess.run(line, env=dict(environ), capture_output=True, text=True, timeout=PATIENCE, check=False)


def call(name: str, tool: str, outcome: str = "success", **arguments: object) -> Scene:
    """A call as a scene, of which only the outcome is expected."""
    return Scene(name, {"name": tool, "arguments": arguments}, Expected(outcome=outcome))


def echo(text: str = "hello") -> Scene:
    """The harmless call."""
    return call("echo", "echo", text=text)


class Session:
    """A client in session with a stdio server, and its log."""

    def __init__(self, server: ServerProcess, identity: Identity = OS_USER) -> None:
        self.log = ClientLog()
        self.wire = StdioWire(server, self.log, "legacy", identity)
        self.wire.connect()

    def echo(self, text: str = "hello") -> Made:
        """Make the harmless call, and see that it was answered as ever."""
        made = self.wire.call(echo(text))
        assert made.answer is not None
        assert text in made.answer, made.answer
        assert '"isError":true' not in made.answer
        return made


def eventually(holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until it holds; a failed assertion where it does not in the time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
