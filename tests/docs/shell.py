"""The reader's terminal: a folder and a home of their own, with the environment that the tests run in on its path."""

import os
import re
import signal
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

from tests.docs.pages import ROOT
from tests.receivers import HttpReceiver
from tests.scenes.processes import Lines

PATIENCE: Final = 60.0
"""Seconds that one command may take."""

SERVER_PORT: Final = "8000"
RECEIVER_PORT: Final = "4318"
METRICS_PORT: Final = "9464"

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
        self._ports = {SERVER_PORT: str(_free_port()), METRICS_PORT: str(_free_port())}
        self._server: subprocess.Popen[bytes] | None = None
        self._receiver: HttpReceiver | None = None

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
        leading, _, last = self._script(text).rstrip().rpartition("\n")
        self._server = subprocess.Popen(
            ["bash", "-euc", f"{leading}\nexec {last}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self._folder,
            env=self._environment(),
        )
        assert self._server.stderr
        running = Lines(self._server.stderr).await_line(lambda line: b"Uvicorn running on http://" in line)
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
        self._receiver = HttpReceiver().__enter__()
        self._ports[RECEIVER_PORT] = str(self._receiver.port)

    def close(self) -> None:
        """End everything that runs."""
        self.stop()
        if self._receiver is not None:
            self._receiver.__exit__()

    def _script(self, text: str) -> str:
        for found in _INSTALL.finditer(text):
            _see_installed(found["what"])
        exports, self._exports = self._exports, [*self._exports, *_EXPORT.findall(text)]
        return self._here("\n".join([*exports, _INSTALL.sub("true", text)]))

    def _here(self, text: str) -> str:
        for port, actual in self._ports.items():
            text = re.sub(rf"\b{port}\b", actual, text)
        return text

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "XDG_"))}
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        given = {"GIVEN": str(_GIVEN), "REPOSITORY": str(ROOT), "PORT": self._ports[SERVER_PORT]}
        return {**inherited, **given, "HOME": str(self.home), "PATH": tools}


def _see_installed(what: str) -> None:
    """Every distribution that the page tells to install is here, and has the extras it is asked for."""
    for name, extras in _REQUIREMENT.findall(what.partition("#")[0]):
        known = metadata.metadata(name).get_all("Provides-Extra") or []
        asked = {extra for extra in str(extras).split(",") if extra}
        assert asked <= set(known), f"pip install {what}: there is no such extra"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
