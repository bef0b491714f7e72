"""The audit of one process: calls in, records kept, records delivered.

Nothing exists before the first call or server start: no file, thread or lock. Then one stream is opened; delivery,
adoption of streams whose owner is gone and the disk budget happen on threads of their own.
"""

import os
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakSet

from otel_mcp_audit import faults
from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.identity import from_actor
from otel_mcp_audit.line import Request
from otel_mcp_audit.opencall import CURRENT, Arrival, Ending, OpenCall, raised
from otel_mcp_audit.operation import Operation
from otel_mcp_audit.record import Actor, Call
from otel_mcp_audit.recorder import encode
from otel_mcp_audit.redaction import text
from otel_mcp_audit.settings import Settings


class Auditor:
    """Audits calls that no MCP kernel carries, and is what the kernels' seams audit with.

    Args:
        settings: None reads the environment.
        problems: what could not be read of the settings; said in the log and in the stream's first line.

    Raises:
        ConfigurationError: ``settings`` is None and the environment holds a wrong setting.
    """

    def __init__(self, settings: Settings | None = None, *, problems: Sequence[str] = ()) -> None:
        self.settings = Settings.from_env() if settings is None else settings
        self._problems = problems
        self._starting = threading.Lock()
        self._operation: Operation | None = None
        self._in_flight: dict[str, OpenCall] = {}
        self._over = False
        _AUDITORS.add(self)

    @contextmanager
    def call(self, tool: str, arguments: Mapping[str, Any], actor: Actor | None = None) -> Generator[None]:
        """Audit what the ``with`` block does as one ``tool_call``; ``annotate`` works inside it.

        Args:
            tool: the tool's name.
            arguments: names and sizes are recorded, values are not.
            actor: who acts; None is the literal ``anonymous``.

        The block's exception is the call's outcome and passes through untouched.
        """
        opened = self._arrived(tool, arguments, actor)
        token = CURRENT.set(opened)
        try:
            yield
        except BaseException as error:
            self._end(opened, raised(error))
            raise
        else:
            self._end(opened, Ending("success"))
        finally:
            CURRENT.reset(token)

    @faults.harmless("opening a call")
    def _arrived(self, tool: str, arguments: Mapping[str, Any], actor: Actor | None) -> OpenCall | None:
        user, delegation = (None, ()) if actor is None else from_actor(actor)
        call = Call(method="tools/call", tool=text(tool), arguments=arguments)
        request = Request(id_source="generated", method="tools/call")
        return self.open(Arrival(call=call, request=request, user=user, delegation=delegation))

    @faults.harmless("ending a call")
    def _end(self, opened: OpenCall | None, ending: Ending) -> None:
        if opened is not None and opened.complete(ending):
            self.keep(opened)

    def start(self) -> Operation | None:
        """Open the stream, once; None where this process is told not to audit, which a stream of its own then says."""
        if self._operation is None and not self._over:
            with self._starting:
                if self._operation is None and not self._over:
                    self._begin()
        return self._operation

    def _begin(self) -> None:
        if self.settings.disabled:
            self._over = True
            Operation.begin(self.settings, self._problems, deliver=False).end(0.0, "disabled")
        else:
            self._operation = Operation.begin(self.settings, self._problems)

    def open(self, arrival: Arrival) -> OpenCall | None:
        """Open a call and keep its start line; a start that cannot be kept is counted, and the call goes on."""
        operation = self.start()
        if operation is None:
            return None
        opened = operation.recorder.open(arrival)
        self._in_flight[opened.event.id] = opened
        try:
            operation.ledger.begin(opened.event.id, encode(opened.event, opened.params))
        except JournalError as error:
            faults.report("keeping a start", error)
        return opened

    def keep(self, opened: OpenCall) -> None:
        """Keep the record of a call that is complete; one that cannot be kept is counted, and the call goes on."""
        operation = self.start()
        if operation is None or self._in_flight.pop(opened.event.id, None) is None:
            return
        try:
            operation.ledger.append(encode(opened.event, opened.params), ends=opened.event.id)
        except JournalError as error:
            faults.report("keeping a record", error)
            self._renew(operation)
        operation.wake()

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


_AUDITORS: Final[WeakSet[Auditor]] = WeakSet()


def _forked() -> None:
    for auditor in list(_AUDITORS):
        auditor.abandon()


os.register_at_fork(after_in_child=_forked)
