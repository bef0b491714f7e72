"""The audit of one process: calls in, records kept, records delivered.

Nothing exists before the first call or server start: no file, thread or lock. Then one stream is opened; delivery,
adoption of streams whose owner is gone and the disk budget happen on threads of their own.
"""

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn
from weakref import WeakSet

from otel_mcp_audit import faults, tally
from otel_mcp_audit.errors import INTERNAL_ERROR, NOT_RUN, WITHHELD, JournalError, NotRecorded
from otel_mcp_audit.identity import from_actor
from otel_mcp_audit.line import Request
from otel_mcp_audit.opencall import CURRENT, Arrival, Ending, OpenCall, raised
from otel_mcp_audit.operation import Operation
from otel_mcp_audit.operations import Operations
from otel_mcp_audit.record import Actor, Call
from otel_mcp_audit.recorder import encode
from otel_mcp_audit.redaction import text
from otel_mcp_audit.refusals import Refused
from otel_mcp_audit.resolver import Resolver
from otel_mcp_audit.settings import Settings


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
        chosen = Settings.from_env() if settings is None else settings
        self._trail = Operations(chosen, problems, logger_provider)
        _AUDITORS.add(self)

    @property
    def settings(self) -> Settings:
        """What is in force."""
        return self._trail.settings

    @property
    def closed(self) -> bool:
        """Whether a call that cannot be put on record is refused."""
        return self._trail.closed

    @property
    def no_resolver(self) -> str | None:
        """Why the resolver that is set cannot be asked."""
        return self._trail.no_resolver

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
        return self._trail.start()

    def awaited(self) -> Resolver | None:
        """The application's resolver, where it has to be awaited before a call is opened.

        Raises:
            ConfigurationError: as ``start``.
        """
        return self._trail.awaited()

    def reconfigure(
        self, settings: Settings | None = None, *, problems: Sequence[str] = (), logger_provider: Any = None
    ) -> bool:
        """Use from now on what is given and differs; None changes nothing. Answers whether a stream was being written.

        A call that is open ends in that stream, which is closed after its last one; the next begins another.
        """
        return self._trail.replace(settings, problems, logger_provider)

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
            tally.DROPPED.add("not_opened", "")
            self._trail.miss()
            if self.closed:
                raise NotRecorded(NOT_RUN) from error
            return None

    def open(self, arrival: Arrival) -> OpenCall | None:
        """Open a call and keep its start line; a start that cannot be kept is counted, and the call goes on.

        Raises:
            NotRecorded: with ``closed``: the start cannot be kept.
        """
        operation = self._trail.start()
        if operation is None:
            return None
        opened = operation.recorder.open(arrival)
        self._trail.flights.begin(opened, operation)
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
        self._end(opened, Ending("protocol_error", str(INTERNAL_ERROR), INTERNAL_ERROR))
        raise NotRecorded(NOT_RUN) from error

    def keep(self, opened: OpenCall) -> None:
        """Keep the record of a call that is complete; one that cannot be kept is counted, and the call goes on."""
        begun = self._trail.flights.operation_of(opened)
        if begun is not None:
            try:
                self._keep(opened, begun)
            finally:  # not before: the stream would be ended under it
                self._trail.flights.end(opened)

    def _keep(self, opened: OpenCall, begun: Operation) -> None:
        operation = self._trail.start() if begun.over else begun
        if operation is None:
            return
        try:
            kind = opened.event.event_type, opened.event.response.outcome
            operation.ledger.append(encode(opened.event, opened.params), ends=opened.event.id, kind=kind)
            opened.fault, opened.due = None, operation.ledger.stream.due()
            opened.miss = operation.ledger.miss
        except Exception as error:  # noqa: BLE001 -- counted by the ledger, or told by the start that has no end
            faults.report("keeping a record", error)
            self._trail.renew(operation)
        operation.wake()

    def refused(self, describe: Callable[[], Refused]) -> OpenCall | None:
        """Put on record, or count, a request that was refused before it was a call; refused it is whatever happens.

        Answers what there may be to wait for before the refusal leaves.
        """
        operation = None
        try:
            operation = self._trail.start()
            return None if operation is None else self._refused(operation, describe)
        except Exception as error:  # noqa: BLE001 -- the boundary between our code and the audited server
            faults.report("keeping a refusal", error)
            if operation is not None:
                self._trail.renew(operation)
            return None

    def _refused(self, operation: Operation, describe: Callable[[], Refused]) -> OpenCall | None:
        try:
            refused = describe()
        except Exception as error:
            operation.ledger.miss(error)
            raise
        return operation.refusals.keep(refused)

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

    def abort(self) -> None:
        """A signal ends the process: every call in flight ends as ``aborted``."""
        for opened in self._trail.flights.calls():
            self._end(opened, Ending("aborted"))

    def flush(self, timeout: float = 30.0) -> bool:
        """Deliver all that is kept; answers whether it was, within ``timeout`` seconds."""
        return self._trail.flush(timeout)

    def rest(self, timeout: float, reason: str) -> bool:
        """Close the stream if no call is in flight; the next call opens another. Otherwise as ``flush``."""
        return self._trail.rest(timeout, reason)

    def close(self, timeout: float = 30.0, reason: str = "closed") -> bool:
        """Close the stream for good and deliver what it holds; answers whether it was within ``timeout`` seconds."""
        return self._trail.close(timeout, reason)

    def abandon(self) -> None:
        """In a forked child: forget the parent's stream without touching it, and its calls, which the parent ends."""
        self._trail.abandon()


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
