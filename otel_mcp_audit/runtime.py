"""The one audit of this process: built at the first call or server start, flushed at its end, made anew after a fork.

Only this module touches what belongs to the whole process: exit hooks, the SIGTERM handler, fork.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Final, NoReturn

from otel_mcp_audit import faults, settings
from otel_mcp_audit.auditor import Auditor
from otel_mcp_audit.errors import ConfigurationError, JournalError
from otel_mcp_audit.opencall import Arrival, OpenCall
from otel_mcp_audit.refusals import Refused
from otel_mcp_audit.resolver import Resolver
from otel_mcp_audit.settings import Settings

EXIT_S: Final = 1.5
"""Seconds that the end of the process may be held up; an MCP client gives a stdio server two before it signals."""

CONFIGURATION: Final = 78
"""Exit status for a configuration that cannot be used: EX_CONFIG of sysexits.h."""

REFUSED: Final = "OTEL_MCP_AUDIT_ON_FAILURE=closed: this server is not started"
NOT_RUN: Final = "otel-mcp-audit run: this server is not started"


class Runtime:
    """Holds the process's ``Auditor`` and its settings."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._problems: Sequence[str] = ()
        self._logger_provider: Any = None
        self.insists = False
        """Whether a resolver that is not there ends the process at its server's start, as under ``run``."""
        self._reset()

    def _reset(self) -> None:
        self._auditor: Auditor | None = None
        self._lock = threading.Lock()
        self._serving = False

    def configure(
        self, settings: Settings | None = None, *, problems: Sequence[str] = (), logger_provider: Any = None
    ) -> None:
        """Use what is given instead of the environment and the global provider, also of a trail that has begun.

        Args:
            settings: instead of the environment's.
            problems: what could not be read of them.
            logger_provider: instead of the one that is set.

        None changes nothing.

        Raises:
            ConfigurationError: ``Settings(on_failure="closed")`` was given to a server that runs, and no trail can be
                relied on.
        """
        if settings is not None:
            self._settings, self._problems = settings, problems
        if logger_provider is not None:
            self._logger_provider = logger_provider
        auditor = self._auditor
        if auditor is not None and auditor.reconfigure(settings, problems=problems, logger_provider=logger_provider):
            self._start(auditor.start)

    @property
    def given(self) -> Settings | None:
        """The settings to use instead of the environment's."""
        return self._settings

    def auditor(self) -> Auditor:
        """The process's auditor; nothing is opened yet by asking for it."""
        if self._auditor is None:
            with self._lock:
                if self._auditor is None:
                    self._auditor = self._built()
        return self._auditor

    def _built(self) -> Auditor:
        provider = self._logger_provider
        if self._settings is not None:
            return Auditor(self._settings, problems=self._problems, logger_provider=provider)
        found, problems = settings.read(os.environ)
        return Auditor(found, problems=problems, logger_provider=provider)

    def serve(self) -> None:
        """A server starts in this process: open the trail and see to its end. Only the first time counts.

        Raises:
            ConfigurationError: ``Settings(on_failure="closed")`` was given in code and no trail can be relied on.
                Where it comes from the environment the process ends instead, with status 78.
        """
        if self._serving:
            return
        self._serving = True
        self._start(self._serve)

    def _start(self, start: Callable[[], object]) -> None:
        try:
            start()
        except Exception as error:  # noqa: BLE001 -- the boundary between our code and the audited server
            faults.report("starting the trail", error)
            if self.closed:
                self._refuse(error)

    def _serve(self) -> None:
        auditor = self.auditor()
        auditor.start()
        if self.insists and auditor.no_resolver is not None:
            auditor.close(0.0, "refused: configuration")
            refuse(auditor.no_resolver, NOT_RUN)
        atexit.register(self.stop, "exit")
        _take_sigterm()

    def _refuse(self, error: Exception) -> None:
        if self._settings is not None:
            raise ConfigurationError(f"{REFUSED}: {error}") from error
        refuse(str(error))

    @property
    def closed(self) -> bool:
        """Whether a call that cannot be put on record is refused."""
        return self.auditor().closed

    def awaited(self) -> Resolver | None:
        """The application's resolver, where it has to be awaited before a call is opened."""
        return self._awaited() if self.auditor().settings.identity is not None else None

    @faults.harmless("starting the trail")
    def _awaited(self) -> Resolver | None:
        if not self._serving:
            self.serve()
        return self.auditor().awaited()

    def begin(self, describe: Callable[[], Arrival]) -> OpenCall | None:
        """Open the call that ``describe`` sees; see ``Auditor.begin``."""
        if not self._serving:
            self.serve()
        return self.auditor().begin(describe)

    def refuse_call(self, opened: OpenCall, error: JournalError) -> NoReturn:
        """Do not run a call; see ``Auditor.refuse``."""
        self.auditor().refuse(opened, error)

    def refused(self, describe: Callable[[], Refused]) -> OpenCall | None:
        """Put a request on record that was refused before it was a call; see ``Auditor.refused``."""
        if not self._serving:
            self.serve()
        return self.auditor().refused(describe)

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


def refuse(why: str, whose: str = REFUSED) -> NoReturn:
    """End this process before it serves unaudited: on standard error why, as status the one for a configuration."""
    print(f"otel-mcp-audit: {whose}: {why}", file=sys.stderr, flush=True)  # noqa: T201 -- nobody is left to log it
    os._exit(CONFIGURATION)


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
