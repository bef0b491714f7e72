"""The calls that are open, each with the operation it began in: there it ends, whatever has changed since."""

import threading
import time
from typing import Final

from otel_mcp_audit.opencall import OpenCall
from otel_mcp_audit.operation import Operation

RETIRE_S: Final = 30.0
"""Seconds in which a stream of earlier settings is delivered, before what is left of it waits to be adopted."""


class Flights:
    """The open calls of one auditor, and its operations that end with the last of theirs."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[OpenCall, Operation]] = {}
        self._retired: list[Operation] = []
        self._sweeping = threading.Lock()

    def __bool__(self) -> bool:
        """Whether a call is open."""
        return bool(self._open)

    def begin(self, call: OpenCall, operation: Operation) -> None:
        """A call is open."""
        self._open[call.event.id] = call, operation

    def operation_of(self, call: OpenCall) -> Operation | None:
        """Where a call began; None where it is not open."""
        found = self._open.get(call.event.id)
        return None if found is None else found[1]

    def end(self, call: OpenCall) -> None:
        """A call is kept, or will never be: its operation may end."""
        self._open.pop(call.event.id, None)
        if self._retired:
            self._sweep()

    def calls(self) -> list[OpenCall]:
        """The calls that are open now."""
        return [call for call, _ in list(self._open.values())]

    def retire(self, operation: Operation | None) -> None:
        """No further call will begin in an operation: it ends with its last one."""
        if operation is not None:
            with self._sweeping:
                self._retired.append(operation)
            self._sweep()

    def _sweep(self) -> None:
        """End those in which no call is open; on a thread of its own, for it may take its time."""
        with self._sweeping:
            busy = [operation for _, operation in list(self._open.values())]
            idle = [operation for operation in self._retired if operation not in busy]
            self._retired = [operation for operation in self._retired if operation in busy]
        for operation in idle:
            arguments = (RETIRE_S, "settings changed")
            threading.Thread(target=operation.end, args=arguments, name="otel-mcp-audit-end", daemon=True).start()

    def close(self, timeout: float, reason: str) -> bool:
        """End what is retired, open calls or not; answers whether all was delivered within ``timeout`` seconds."""
        retired, self._retired = self._retired, []
        until = time.monotonic() + timeout
        ended = [operation.end(max(0.0, until - time.monotonic()), reason) for operation in retired]
        return all(ended)

    def abandon(self) -> None:
        """In a forked child: these calls and operations are the parent's."""
        self._sweeping = threading.Lock()
        for call in self.calls():
            call.open = False
        self._open.clear()
        retired, self._retired = self._retired, []
        for operation in retired:
            operation.ledger.stream.abandon()
