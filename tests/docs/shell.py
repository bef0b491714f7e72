"""The reader's terminal: a folder and a home of their own, with the environment that the tests run in on its path."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Final

from tests.collector.binary import binary
from tests.collector.collector import free_ports
from tests.collector.sinks import DATADOG_KEY, Sinks
from tests.docs.pages import ROOT
from tests.parts.part import programs
from tests.parts.places import stand
from tests.receivers import HttpReceiver
from tests.scenes.processes import Lines

PATIENCE: Final = 60.0
"""Seconds that one command may take."""

SERVER_PORT: Final = "8000"
RECEIVER_PORT: Final = "4318"
METRICS_PORT: Final = "9464"
REPLAY_METRICS_PORT: Final = "8889"
COLLECTOR_PORTS: Final = {
    "AUDIT_GRPC_PORT": "4317",
    "AUDIT_HTTP_PORT": "4318",
    "AUDIT_METRICS_PORT": "8888",
    "AUDIT_HEALTH_PORT": "13133",
}

_GIVEN: Final = Path(__file__).with_name("given")
_INSTALL: Final = re.compile(r"^pip install (?P<what>.+)$", re.MULTILINE)
_EXPORT: Final = re.compile(r"^export .+$", re.MULTILINE)
_REQUIREMENT: Final = re.compile(r"'?([a-z0-9-]+)(?:\[([a-z0-9,-]+)\])?'?")


class Shell:
    """Runs commands. Exports hold for those after them; the ports that a page writes stand for free ones.

    Args:
        folder: empty; the home and the working folder are made in it.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._folder = self.home / "records"
        self._folder.mkdir(parents=True)
        self._exports: list[str] = []
        ports: dict[str, str] = dict(zip((SERVER_PORT, METRICS_PORT), map(str, free_ports(2)), strict=True))
        self._ports = ports
        self._places: dict[str, str] = {}
        self._given = {"GIVEN": str(_GIVEN), "REPOSITORY": str(ROOT)}
        self._tools = [str(Path(sys.executable).parent), os.environ["PATH"]]
        self._server: subprocess.Popen[bytes] | None = None
        self._collectors: list[subprocess.Popen[bytes]] = []
        self._open = ExitStack()

    def write(self, name: str, text: str) -> None:
        """Save a file in the working folder."""
        (self._folder / name).write_text(self._here(text), encoding="utf-8")

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run commands to their end."""
        return subprocess.run(
            ["bash", "-euc", self._script(text)],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            env=self._environment(),
            timeout=PATIENCE,
        )

    def serve(self, text: str) -> None:
        """Run commands of which the last starts a server, and leave that running once it listens."""
        self._server, said = self._start(text)
        running = said.await_line(lambda line: b"Uvicorn running on http://" in line)
        self._ports[SERVER_PORT] = running.split(b"http://")[1].split()[0].rpartition(b":")[2].decode()

    def stop(self) -> None:
        """End the server as an operator does."""
        if self._server is None:
            return
        self._server.send_signal(signal.SIGTERM)
        try:
            self._server.wait(PATIENCE)
        finally:
            self._server.kill()
            self._server = None

    def receive(self) -> None:
        """Have an OTLP receiver listen from here on."""
        self._ports[RECEIVER_PORT] = str(self._open.enter_context(HttpReceiver()).port)

    def stand_in(self) -> None:
        """Have receivers listen from here on that take what goes to Splunk and to Datadog."""
        sinks = self._open.enter_context(Sinks(self._folder / "sinks"))
        self._places |= {
            "https://splunk.example:8088/services/collector": sinks.variables["SPLUNK_HEC_URL"],
            "https://otlp.datadoghq.com": sinks.variables["DD_OTLP_ENDPOINT"],
            "https://store.example": sinks.variables["AUDIT_OTLP_URL"],
            "your-api-key": DATADOG_KEY,
        }

    def have(self, name: str) -> None:
        """Have a real part stand from here on, and its programs at hand."""
        self._tools.insert(0, str(programs(name)))
        self._places |= self._open.enter_context(stand(name, self.home / name))

    def collect(self, text: str, *, beside: bool = False) -> None:
        """Run a command that starts a Collector, and leave that running once it is ready.

        Args:
            text: the command.
            beside: an earlier one goes on, on the page's ports, as if the new one ran on another host; else it ends.
        """
        ports = dict(zip(COLLECTOR_PORTS, map(str, free_ports(len(COLLECTOR_PORTS))), strict=True))
        if not beside:
            self._end_collectors()
            self._ports |= {COLLECTOR_PORTS[variable]: port for variable, port in ports.items()}
            self._ports[REPLAY_METRICS_PORT] = ports["AUDIT_METRICS_PORT"]
            self._given |= ports
        self._tools.insert(0, str(binary().parent))
        process, said = self._start(text, ports)
        self._collectors.append(process)
        said.await_line(lambda line: b"Everything is ready" in line)

    def close(self) -> None:
        """End everything that runs."""
        self.stop()
        self._end_collectors()
        self._open.close()

    def _start(self, text: str, variables: Mapping[str, str] | None = None) -> tuple[subprocess.Popen[bytes], Lines]:
        """Run commands of which the last goes on; what it says on standard error."""
        leading, _, last = self._script(text).replace("\\\n", "").rstrip().rpartition("\n")
        process = subprocess.Popen(
            ["bash", "-euc", f"{leading}\nexec {last}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self._folder,
            env=self._environment() | dict(variables or {}),
        )
        assert process.stderr
        return process, Lines(process.stderr)

    def _end_collectors(self) -> None:
        while self._collectors:
            collector = self._collectors.pop()
            collector.terminate()
            try:
                collector.wait(PATIENCE)
            finally:
                collector.kill()

    def _script(self, text: str) -> str:
        for found in _INSTALL.finditer(text):
            _see_installed(found["what"])
        exports, self._exports = self._exports, [*self._exports, *_EXPORT.findall(text)]
        return self._here("\n".join([*exports, _INSTALL.sub("true", text)]))

    def _here(self, text: str) -> str:
        for port, actual in self._ports.items():
            text = re.sub(rf"\b{port}\b", actual, text)
        for place, actual in self._places.items():
            text = text.replace(place, actual)
        return text

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "XDG_"))}
        moving = {"PORT": self._ports[SERVER_PORT], "HOME": str(self.home), "PATH": os.pathsep.join(self._tools)}
        return {**inherited, **self._given, **moving}


def _see_installed(what: str) -> None:
    """Every distribution that the page tells to install is here, and has the extras it is asked for."""
    for name, extras in _REQUIREMENT.findall(what.partition("#")[0]):
        known = metadata.metadata(name).get_all("Provides-Extra") or []
        asked = {extra for extra in str(extras).split(",") if extra}
        assert asked <= set(known), f"pip install {what}: there is no such extra"
