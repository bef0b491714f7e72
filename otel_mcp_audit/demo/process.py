"""A process of the demonstration: always ended, and named with its log where it does not do what it should."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, Self

from otel_mcp_audit.demo.parts import DemoError

_START_S: Final = 30.0
_STOP_S: Final = 10.0


class Process:
    """Runs while it is entered.

    Args:
        name: what it is called in errors.
        command: what is run.
        log: where its output goes.
        environ: all of its environment.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str]) -> None:
        self._name = name
        self._command = command
        self._log = log
        self._environ = environ

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603 -- ours, or the user's own command line
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(self._environ),
                )
            except OSError as error:
                raise DemoError(f"the demo's {self._name} cannot be started: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def says(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Wait until its log has this.

        Raises:
            DemoError: it ended, or half a minute has passed.
        """
        deadline = time.monotonic() + _START_S
        while self._process.poll() is None and time.monotonic() < deadline:
            found = pattern.search(self._log.read_text(encoding="utf-8", errors="replace"))
            if found:
                return found
            time.sleep(0.05)
        raise DemoError(f"the demo's {self._name} did not start: see {self._log}")

    def stop(self) -> None:
        """End it with SIGTERM.

        Raises:
            DemoError: it went on.
        """
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired as error:
            raise DemoError(f"the demo's {self._name} went on for {_STOP_S:.0f} s after SIGTERM") from error


@contextmanager
def ending_on_signals() -> Generator[None]:
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
