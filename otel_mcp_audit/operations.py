"""The operations of one auditor: one in which calls begin, opened at the first need, and those that only end theirs."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from otel_mcp_audit import metrics
from otel_mcp_audit.errors import ConfigurationError, JournalError
from otel_mcp_audit.flights import Flights
from otel_mcp_audit.operation import Operation
from otel_mcp_audit.resolver import Resolver, load
from otel_mcp_audit.settings import Settings


class Operations:
    """Begins an ``Operation``, replaces it where settings change or its stream is taken over, ends it.

    Args:
        settings: what the operation is to be.
        problems: what could not be read of them.
        logger_provider: the LoggerProvider that the sink ``otel`` hands records to; None: the one that is set.
    """

    def __init__(self, settings: Settings, problems: Sequence[str], logger_provider: Any) -> None:
        self.settings = settings
        self._problems = problems
        self._logger_provider = logger_provider
        self._starting = threading.Lock()
        self._current: Operation | None = None
        self._over = False
        self._refusal: ConfigurationError | None = None
        self._unopened = 0
        self.flights = Flights()
        """The calls that are open."""
        self.no_resolver: str | None = None
        """Why the resolver that is set cannot be asked."""

    @property
    def closed(self) -> bool:
        """Whether a call that cannot be put on record is refused."""
        return self.settings.on_failure == "closed"

    def start(self) -> Operation | None:
        """Open the stream, once; None where this process is told not to audit, which a stream of its own then says.

        Raises:
            ConfigurationError: with ``closed``: what was found leaves no trail to rely on.
        """
        if self._current is None and not self._over:
            resolver = self._load_resolver()  # outside the lock: what is imported may make calls of its own
            with self._starting:
                if self._current is None and not self._over:
                    self._begin(resolver)
        if self._refusal is not None:
            raise self._refusal
        return self._current

    def _load_resolver(self) -> Resolver | None:
        if self.settings.disabled:
            return None
        try:
            return load(self.settings.identity)
        except ConfigurationError as error:
            self.no_resolver = str(error)
            return None

    def _begin(self, resolver: Resolver | None) -> None:
        metrics.begin()
        if self.settings.disabled:
            self._over = True
            Operation.begin(self.settings, self._problems, deliver=False).end(0.0, "disabled")
            return
        problems = [*self._problems, *filter(None, [self.no_resolver])]
        operation = Operation.begin(self.settings, problems, logger_provider=self._logger_provider, resolver=resolver)
        if self.closed and operation.shortcomings:
            self._over = True
            self._refusal = ConfigurationError("\n".join(operation.shortcomings))
            operation.end(0.0, "refused: configuration")
        else:
            self._current = operation
            self._own_up(operation)
            operation.announce()

    def awaited(self) -> Resolver | None:
        """The application's resolver, where it has to be awaited before a call is opened.

        Raises:
            ConfigurationError: as ``start``.
        """
        operation = self.start() if self.settings.identity is not None else None
        resolver = operation and operation.recorder.resolver
        return resolver if resolver is not None and resolver.waits else None

    def miss(self) -> None:
        """Have the stream say that a call could not even be opened; before there is one it is counted."""
        self._unopened += 1
        if self._current is not None:
            self._own_up(self._current)

    def _own_up(self, operation: Operation) -> None:
        if self._unopened:
            operation.ledger.miss(JournalError("could not be opened; the server's log says why"), self._unopened)
            self._unopened = 0

    def replace(self, settings: Settings | None, problems: Sequence[str], logger_provider: Any) -> bool:
        """Use from now on what is given and differs; None changes nothing. Answers whether a stream was being written.

        A call that is open ends in that stream, which is closed after its last one; the next begins another.
        """
        if settings in (None, self.settings) and logger_provider in (None, self._logger_provider):
            return False
        with self._starting:
            if settings is not None:
                self.settings, self._problems = settings, problems
            self._logger_provider = logger_provider or self._logger_provider
            self._refusal, self._over = None, False
            operation, self._current = self._current, None
        self.flights.retire(operation)
        return operation is not None

    def renew(self, operation: Operation) -> None:
        """Begin another stream where this one has been taken over by another process."""
        if operation.ledger.stream.taken and self._current is operation:
            self._current, operation.over = None, True
            operation.ledger.stream.abandon()

    def flush(self, timeout: float) -> bool:
        """Deliver all that is kept; answers whether it was, within ``timeout`` seconds."""
        return self._current is None or self._current.flush(timeout)

    def rest(self, timeout: float, reason: str) -> bool:
        """Close the stream if no call is open; the next call opens another. Otherwise as ``flush``."""
        if self.flights:
            return self.flush(timeout)
        operation, self._current = self._current, None
        return operation is None or operation.end(timeout, reason)

    def close(self, timeout: float, reason: str) -> bool:
        """Close the stream for good and deliver what it holds; answers whether it was within ``timeout`` seconds."""
        operation, self._current, self._over = self._current, None, True
        until = time.monotonic() + timeout
        ended = operation is None or operation.end(timeout, reason)
        return self.flights.close(max(0.0, until - time.monotonic()), reason) and ended

    def abandon(self) -> None:
        """In a forked child: forget the parent's stream without touching it, and its calls, which the parent ends."""
        self._starting = threading.Lock()
        operation, self._current = self._current, None
        self.flights.abandon()
        if operation is not None:
            operation.ledger.stream.abandon()
