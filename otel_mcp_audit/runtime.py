"""The one audit of this process: built at the first call or server start, flushed at its end, made anew after a fork.

Only this module touches what belongs to the whole process: exit hooks, the SIGTERM handler, fork.
"""

import atexit
import os
import signal
import threading
from types import FrameType
from typing import Final

from otel_mcp_audit import faults, settings
from otel_mcp_audit.auditor import Auditor
from otel_mcp_audit.opencall import Arrival, OpenCall
from otel_mcp_audit.settings import Settings

EXIT_S: Final = 1.5
"""Seconds that the end of the process may be held up; an MCP client gives a stdio server two before it signals."""


class Runtime:
    """Holds the process's ``Auditor`` and its settings."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._reset()

    def _reset(self) -> None:
        self._auditor: Auditor | None = None
        self._lock = threading.Lock()
        self._serving = False

    def configure(self, given: Settings | None) -> None:
        """Use ``given`` instead of the environment; None leaves the environment in charge."""
        self._settings = given

    def auditor(self) -> Auditor:
        """The process's auditor; nothing is opened yet by asking for it."""
        if self._auditor is None:
            with self._lock:
                if self._auditor is None:
                    self._auditor = self._built()
        return self._auditor

    def _built(self) -> Auditor:
        if self._settings is not None:
            return Auditor(self._settings)
        found, problems = settings.read(os.environ)
        return Auditor(found, problems=problems)

    @faults.harmless("starting the trail")
    def serve(self) -> None:
        """A server starts in this process: open the trail and see to its end. Only the first time counts."""
        if self._serving:
            return
        self._serving = True
        self.auditor().start()
        atexit.register(self.stop, "exit")
        _take_sigterm()

    def open(self, arrival: Arrival) -> OpenCall | None:
        """The open call of an arrival; None where this process does not audit."""
        if not self._serving:
            self.serve()
        return self.auditor().open(arrival)

    def keep(self, call: OpenCall) -> None:
        """Keep the record of a call that is complete."""
        self.auditor().keep(call)

    @faults.harmless("resting")
    def rest(self) -> None:
        """The last HTTP server has ended, perhaps the process with it: close the stream; bounded in time."""
        if self._auditor is not None:
            self._auditor.rest(EXIT_S, "server stopped")

    @faults.harmless("stopping the trail")
    def stop(self, reason: str) -> None:
        """Close the trail and say why; bounded in time."""
        if self._auditor is not None:
            self._auditor.close(EXIT_S, reason)

    @faults.harmless("aborting open calls")
    def abort(self) -> None:
        """A signal ends the process: calls in flight end as aborted, then the trail is closed."""
        if self._auditor is not None:
            self._auditor.abort()
            self._auditor.close(EXIT_S, "signal")

    def forked(self) -> None:
        """In a forked child: begin anew when used; the parent's auditor has let go of everything by itself.

        The handler goes too: a child that blocks outside Python could not be ended by a signal any more.
        """
        self._reset()
        if signal.getsignal(signal.SIGTERM) is _terminated:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


RUNTIME: Final = Runtime()

os.register_at_fork(after_in_child=RUNTIME.forked)


def _take_sigterm() -> None:
    """Take SIGTERM only where nobody else has: in the main thread, with the default action in force."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        return
    signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    """End the trail, then die of the same signal, so that the exit status stays what it was.

    The interrupted thread may hold any lock of ours: a helper thread does the work and is waited for, not trusted.
    """
    worker = threading.Thread(target=RUNTIME.abort, name="otel-mcp-audit-exit", daemon=True)
    worker.start()
    worker.join(EXIT_S + 0.2)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    if os.getpid() == 1:
        os._exit(128 + number)  # the kernel ignores a default action for the first process of a container
