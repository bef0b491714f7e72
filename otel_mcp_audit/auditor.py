"""The audit of one process: calls in, records kept, records delivered.

Nothing exists before the first call or server start: no file, thread or lock. Then one stream is opened; delivery,
adoption of streams whose owner is gone and the disk budget happen on threads of their own.
"""

import os
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn
from weakref import WeakSet

from otel_mcp_audit import faults
from otel_mcp_audit.errors import ConfigurationError, JournalError, NotRecorded
from otel_mcp_audit.identity import from_actor
from otel_mcp_audit.line import Request
from otel_mcp_audit.opencall import CURRENT, Arrival, Ending, OpenCall, raised
from otel_mcp_audit.operation import Operation
from otel_mcp_audit.record import Actor, Call
from otel_mcp_audit.recorder import encode
from otel_mcp_audit.redaction import text
from otel_mcp_audit.settings import Settings

INTERNAL_ERROR: Final = -32603
"""JSON-RPC's code for a fault on the server's side: what a call that is not run or not answered gets."""

NOT_RUN: Final = "audit: this call was not run, since it could not be put on record; ask the operator of this server"
WITHHELD: Final = (
    "audit: this call was run, and its answer is withheld, since its record could not be kept; "
    "ask the operator of this server"
)
"""What the client is told: nothing of this machine."""


class Auditor:
    """Audits calls that no MCP kernel carries, and is what the kernels' seams audit with.

    Args:
        settings: None reads the environment.
        problems: what could not be read of the settings; said in the log and in the stream's first line.
        logger_provider: the LoggerProvider that the sink ``otel`` hands records to; None: the one that is set.

    Raises:
        ConfigurationError: ``settings`` is None and the environment holds a wrong setting.
    """

    def __init__(
        self, settings: Settings | None = None, *, problems: Sequence[str] = (), logger_provider: Any = None
    ) -> None:
        self.settings = Settings.from_env() if settings is None else settings
        self._problems = problems
        self._logger_provider = logger_provider
        self._starting = threading.Lock()
        self._operation: Operation | None = None
        self._in_flight: dict[str, OpenCall] = {}
        self._over = False
        self._refusal: ConfigurationError | None = None
        self._unopened = 0
        _AUDITORS.add(self)

    @property
    def closed(self) -> bool:
        """Whether a call that cannot be put on record is refused."""
        return self.settings.on_failure == "closed"

    @contextmanager
    def call(self, tool: str, arguments: Mapping[str, Any], actor: Actor | None = None) -> Generator[None]:
        """Audit what the ``with`` block does as one ``tool_call``; ``annotate`` works inside it.

        Args:
            tool: the tool's name.
            arguments: names and sizes are recorded, values are not.
            actor: who acts; None is the literal ``anonymous``.

        The block's exception is the call's outcome and passes through untouched.

        Raises:
            NotRecorded: with ``on_failure="closed"``: the block was not run, or it was and is not on record.
        """
        opened = self.begin(lambda: _arrival(tool, arguments, actor))
        self.await_start(opened)
        token = CURRENT.set(opened)
        try:
            yield
        except BaseException as error:
            self._end(opened, raised(error))
            raise
        else:
            self._end(opened, Ending("success"))
            self.await_record(opened)
        finally:
            CURRENT.reset(token)

    @faults.harmless("ending a call")
    def _end(self, opened: OpenCall | None, ending: Ending) -> None:
        if opened is not None and opened.complete(ending):
            self.keep(opened)

    def start(self) -> Operation | None:
        """Open the stream, once; None where this process is told not to audit, which a stream of its own then says.

        Raises:
            ConfigurationError: with ``closed``: what was found leaves no trail to rely on.
        """
        if self._operation is None and not self._over:
            with self._starting:
                if self._operation is None and not self._over:
                    self._begin()
        if self._refusal is not None:
            raise self._refusal
        return self._operation

    def _begin(self) -> None:
        if self.settings.disabled:
            self._over = True
            Operation.begin(self.settings, self._problems, deliver=False).end(0.0, "disabled")
            return
        operation = Operation.begin(self.settings, self._problems, logger_provider=self._logger_provider)
        if self.closed and operation.shortcomings:
            self._over = True
            self._refusal = ConfigurationError("\n".join(operation.shortcomings))
            operation.end(0.0, "refused: configuration")
        else:
            self._operation = operation
            self._own_up(operation)
            operation.announce()

    def begin(self, describe: Callable[[], Arrival]) -> OpenCall | None:
        """Open the call that ``describe`` sees; None where this process does not audit, or on a fault of ours.

        Raises:
            NotRecorded: with ``closed``: its start cannot be put on record, whatever the reason.
        """
        try:
            return self.open(describe())
        except NotRecorded:
            raise
        except Exception as error:
            faults.report("opening a call", error)
            self._unopened += 1
            if self._operation is not None:
                self._own_up(self._operation)
            if self.closed:
                raise NotRecorded(NOT_RUN) from error
            return None

    def _own_up(self, operation: Operation) -> None:
        """Have the stream say that calls could not even be opened; before there is one they are counted."""
        if self._unopened:
            operation.ledger.miss(JournalError("could not be opened; the server's log says why"), self._unopened)
            self._unopened = 0

    def open(self, arrival: Arrival) -> OpenCall | None:
        """Open a call and keep its start line; a start that cannot be kept is counted, and the call goes on.

        Raises:
            NotRecorded: with ``closed``: the start cannot be kept.
        """
        operation = self.start()
        if operation is None:
            return None
        opened = operation.recorder.open(arrival)
        self._in_flight[opened.event.id] = opened
        ledger, body = operation.ledger, encode(opened.event, opened.params)
        try:
            if not self.closed:
                ledger.begin(opened.event.id, body)
            else:
                opened.closed, opened.fault = True, JournalError("its record has not been kept")  # until it is
                ledger.begin_strictly(opened.event.id, body)
                opened.due = ledger.stream.start_due()
        except Exception as error:  # noqa: BLE001 -- whatever it is, the call is open and its record may still be kept
            faults.report("keeping a start", error)
            if self.closed:
                self.refuse(opened, error)
        return opened

    def refuse(self, opened: OpenCall, error: Exception) -> NoReturn:
        """Do not run a call; what can be put on record of it is.

        Raises:
            NotRecorded: always.
        """
        opened.complete(Ending("protocol_error", str(INTERNAL_ERROR), INTERNAL_ERROR))
        self.keep(opened)
        raise NotRecorded(NOT_RUN) from error

    def keep(self, opened: OpenCall) -> None:
        """Keep the record of a call that is complete; one that cannot be kept is counted, and the call goes on."""
        operation = self.start()
        if operation is None or self._in_flight.pop(opened.event.id, None) is None:
            return
        try:
            operation.ledger.append(encode(opened.event, opened.params), ends=opened.event.id)
            opened.fault, opened.due = None, operation.ledger.stream.due()
            opened.miss = operation.ledger.miss
        except Exception as error:  # noqa: BLE001 -- counted by the ledger, or told by the start that has no end
            faults.report("keeping a record", error)
            self._renew(operation)
        operation.wake()

    def await_start(self, opened: OpenCall | None) -> None:
        """Return when the call's start is on the disk, where it must be; blocks.

        Raises:
            NotRecorded: with ``closed``: it is not.
        """
        if opened is not None and opened.due is not None:
            error = opened.settle()
            if error is not None:
                self.refuse(opened, error)

    def await_record(self, opened: OpenCall | None) -> None:
        """Return when the call's record is on the disk, where it must be; blocks.

        Raises:
            NotRecorded: with ``closed``: it is not.
        """
        if opened is not None:
            opened.settle()
            if opened.fault is not None:
                raise NotRecorded(WITHHELD) from opened.fault

    def _renew(self, operation: Operation) -> None:
        """Begin another stream where this one has been taken over by another process."""
        if operation.ledger.stream.taken and self._operation is operation:
            self._operation = None
            operation.ledger.stream.abandon()

    def abort(self) -> None:
        """A signal ends the process: every call in flight ends as ``aborted``."""
        for opened in list(self._in_flight.values()):
            self._end(opened, Ending("aborted"))

    def flush(self, timeout: float = 30.0) -> bool:
        """Deliver all that is kept; answers whether it was, within ``timeout`` seconds."""
        return self._operation is None or self._operation.flush(timeout)

    def rest(self, timeout: float, reason: str) -> bool:
        """Close the stream if no call is in flight; the next call opens another. Otherwise as ``flush``."""
        if self._in_flight:
            return self.flush(timeout)
        operation, self._operation = self._operation, None
        return operation is None or operation.end(timeout, reason)

    def close(self, timeout: float = 30.0, reason: str = "closed") -> bool:
        """Close the stream for good and deliver what it holds; answers whether it was within ``timeout`` seconds."""
        operation, self._operation, self._over = self._operation, None, True
        return operation is None or operation.end(timeout, reason)

    def abandon(self) -> None:
        """In a forked child: forget the parent's stream without touching it, and its calls, which the parent ends."""
        self._starting = threading.Lock()
        operation, self._operation = self._operation, None
        for opened in self._in_flight.values():
            opened.open = False
        self._in_flight.clear()
        if operation is not None:
            operation.ledger.stream.abandon()


def _arrival(tool: str, arguments: Mapping[str, Any], actor: Actor | None) -> Arrival:
    user, delegation = (None, ()) if actor is None else from_actor(actor)
    call = Call(method="tools/call", tool=text(tool), arguments=arguments)
    request = Request(id_source="generated", method="tools/call")
    return Arrival(call=call, request=request, user=user, delegation=delegation)


_AUDITORS: Final[WeakSet[Auditor]] = WeakSet()


def _forked() -> None:
    for auditor in list(_AUDITORS):
        auditor.abandon()


os.register_at_fork(after_in_child=_forked)
