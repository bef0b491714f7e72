"""A real server as a process of its own, on loopback, in a folder of its own."""

import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from tests.integration.process import eventually

PATIENCE = 60.0
"""Seconds that a server may take to be ready, or to end."""


class Server:
    """Runs while it is entered; may be killed and started again, with the same ports and folders.

    Args:
        folder: its files and its log are made in it.
        line: its command line.

    Attributes:
        folder: where its files are.
    """

    def __init__(self, folder: Path, line: list[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._line = line
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it serves."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._line, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            eventually(self._serves, f"{Path(self._line[0]).name} serves", PATIENCE)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it as nothing can prevent."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(PATIENCE)

    @property
    def log(self) -> str:
        """What it wrote since it was started."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def ready(self) -> bool:
        """Whether it serves."""
        raise NotImplementedError

    def _serves(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"it ended with {self._process.returncode}: {self.log[-3000:]}"
        return self.ready()


def answers(url: str) -> bool:
    """Whether there is an answer without an error."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE):
            return True
    except urllib.error.URLError:
        return False
