"""An OTLP receiver in a process of its own that can be killed and comes back on its port with what it had stored."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.receivers import store


class Endpoint:
    """A receiver while it is entered.

    Args:
        path: the file it stores in, before it acknowledges.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Endpoint":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def address(self) -> str:
        """Base URL, the same after every start."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, again on the same port."""
        if self._path.exists():  # half a line was never acknowledged
            whole = self._path.read_bytes()
            self._path.write_bytes(whole[: whole.rfind(b"\n") + 1])
        # The package imports its modules, of which this one is run: harmless, and said at every start.
        python = [sys.executable, "-W", "ignore::RuntimeWarning", "-m", "tests.receivers.otlp_http"]
        line = [*python, "--port", str(self._port), "--store", str(self._path)]
        self._process = subprocess.Popen(line, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        assert self._process.stdout
        self._port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout
            self._process.stdout.close()
            self._process = None

    def records(self) -> list[dict[str, Any]]:
        """The log records that are stored."""
        return store.of(self._path, "logs")
