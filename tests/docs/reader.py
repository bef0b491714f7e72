"""Somebody who reads a page and does what it says, in a folder and a home of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

from tests.docs import pages, shape
from tests.docs.pages import Block, Command, Directive
from tests.receivers import HttpReceiver
from tests.scenes.processes import Lines

PATIENCE: Final = 60.0
"""Seconds that one command may take."""

_GIVEN: Final = Path(__file__).with_name("given")
_INSTALL: Final = re.compile(r"^pip install (?P<what>.+)$", re.MULTILINE)
_EXPORT: Final = re.compile(r"^export .+$", re.MULTILINE)
_REQUIREMENT: Final = re.compile(r"'?([a-z0-9-]+)(?:\[([a-z0-9,-]+)\])?'?")


class Reader:
    """Does a page's parts in turn. Exports hold for the commands after them, files stay.

    Args:
        folder: empty; the home and the working folder are made in it.
    """

    def __init__(self, folder: Path) -> None:
        self._home = folder / "home"
        self._folder = self._home / "records"
        self._folder.mkdir(parents=True)
        self._exports: list[str] = []
        self._files: set[str] = set()
        self._serving = False
        self._status = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._receiver: HttpReceiver | None = None
        self._ports = {"8000": str(_free_port())}

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._receiver is not None:
            self._receiver.close()

    def do(self, part: Directive | Block) -> None:
        """Do one part of the page."""
        if isinstance(part, Directive):
            self._obey(part)
        elif part.title is not None:
            self._write(part.title, part.text)
        elif part.language == "python":
            self._run(Command(f"python - <<'END_OF_SCRIPT'\n{part.text}END_OF_SCRIPT", ""), shown=False)
        elif part.language in {"sh", "console"}:
            self._follow(part)

    def unused(self) -> set[str]:
        """Files that the page shows and nothing has named since."""
        return self._files

    def _obey(self, directive: Directive) -> None:
        match directive.verb:
            case "run":
                self._run(Command(directive.argument, ""), shown=False)
            case "serve":
                self._serving = True
            case "stop":
                self.stop()
            case "receiver":
                self._receive()
            case "status":
                self._status = int(directive.argument)
            case _:
                pytest.fail(f"line {directive.line}: no directive {directive.verb}")

    def _write(self, title: str, text: str) -> None:
        self._files.add(title)
        (self._folder / title).write_text(self._here(text), encoding="utf-8")
        if title.endswith(".py"):
            compile(text, title, "exec")

    def _follow(self, block: Block) -> None:
        steps = list(pages.commands(block))
        for step in steps[:-1]:
            self._run(step, shown=block.language == "console")
        if self._serving:
            self._serving = False
            self._serve(steps[-1].text)
        else:
            status, self._status = self._status, 0
            self._run(steps[-1], shown=block.language == "console", status=status)

    def _run(self, command: Command, *, shown: bool, status: int = 0) -> None:
        done = subprocess.run(
            ["bash", "-euc", self._script(command.text)],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            env=self._environment(),
            timeout=PATIENCE,
        )
        assert done.returncode == status, f"$ {command.text}\nstatus {done.returncode}\n{done.stdout}{done.stderr}"
        if shown:
            got = shape.familiar(done.stdout + (done.stderr if status else ""), self._home)
            wrong = shape.difference(command.answer, got)
            assert wrong is None, f"$ {command.text}\n{wrong}"

    def _script(self, text: str) -> str:
        self._files -= {name for name in self._files if name in text}
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
        here = {"HOME": str(self._home), "PATH": tools, "GIVEN": str(_GIVEN), "REPOSITORY": str(pages.ROOT)}
        return {**inherited, **here, "PORT": self._ports["8000"]}

    def _serve(self, text: str) -> None:
        script = self._script(text).rstrip()
        leading, _, last = script.rpartition("\n")
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
        self._ports["8000"] = running.split(b"http://")[1].split()[0].rpartition(b":")[2].decode()

    def stop(self) -> None:
        """End the server as an operator does."""
        if self._server is not None:
            self._server.send_signal(signal.SIGTERM)
            try:
                self._server.wait(PATIENCE)
            finally:
                self._server.kill()
                self._server = None

    def _receive(self) -> None:
        self._receiver = HttpReceiver().__enter__()
        self._ports["4318"] = str(self._receiver.port)


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
