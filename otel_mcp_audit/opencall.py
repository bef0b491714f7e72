"""A call between its two lines: opened before the tool runs, enriched while it runs, completed once with what was seen.

It travels in a context variable, so that nested servers, worker threads and ``annotate`` find the call they belong to.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, cast

from msgspec import Struct

from otel_mcp_audit import clock, faults, redaction, tally
from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Due
from otel_mcp_audit.line import Agent, Event, Link, Param, Request, Resource, Response, ServerInfo, User
from otel_mcp_audit.record import Call

RESOURCES_KEPT: Final = 64
"""Resources that are collected while a call is open; the line's own cap is lower."""


class Ending(NamedTuple):
    """What was seen of a call's end; the names are the record's."""

    outcome: str
    error_type: str | None = None
    status_code: int | None = None
    bytes: int | None = None
    result_count: int | None = None
    link: Link | None = None


class Arrival(Struct, kw_only=True):
    """A call as it arrived at a seam, and the request that carried it.

    Attributes:
        user: known to the caller already; None lets token, transport and operating system decide.
        asked: whether the application's resolver has had its say, or is to have none.
        stamp: where it was taken before the call is opened.
        resources: what is asked for, where it is no tool.
        link: what joins its record to others, where that is known by now.
    """

    call: Call
    request: Request
    agent: Agent = Agent()
    server: ServerInfo = ServerInfo()
    user: User | None = None
    delegation: Sequence[str] = ()
    asked: bool = False
    stamp: clock.Stamp | None = None
    event_type: str = "tool_call"
    action: str = "EXECUTE"
    resources: Sequence[Resource] = ()
    link: Link | None = None


class Mark(Struct, frozen=True, kw_only=True, eq=False):
    """What ``@audited`` says of a tool; two marks are equal only if they are one object."""

    resource: str | Callable[..., object] | None = None
    action: str | None = None
    purpose: str | None = None
    sensitivity: str | None = None
    phi: bool = False


class OpenCall:
    """A call that has not ended. The tool's thread and the event loop take turns with it.

    Attributes:
        event: the event as known so far.
        params: the arguments, made safe.
        arguments: the arguments as they came: for resource templates only, never written.
        failure: the ending that a seam nearer to the tool saw; counts if the answer turns out to be an error.
        depth: how many calls of a tool registry are running inside this one.
        span: the call's span, opaque here; ``owns_span`` where it is ours; ``begin_span`` opens one of ours, late.
        registered: whether a server knows a tool of this name.
        cancelled: whether the client has taken the call back.
        due: what must be on the disk before the tool runs or the answer leaves; None where nothing must.
        closed: whether its answer is withheld while its record is not kept.
        fault: why the answer must not leave; None where it may.
        miss: told of a record that is not on the disk in time.
    """

    def __init__(
        self, event: Event, params: Sequence[Param], arguments: Mapping[str, Any], began: int | None = None
    ) -> None:
        self.event = event
        self.params = params
        self.arguments = arguments
        self.open = True
        self.failure: Ending | None = None
        self.depth = 0
        self.span: Any = None
        self.owns_span = False
        self.begin_span: Callable[[], None] | None = None
        self.registered = False
        self.cancelled: Callable[[], bool] = bool
        self.due: Due | None = None
        self.closed = False
        self.fault: JournalError | None = None
        self.miss: Callable[[JournalError], None] | None = None
        self._result_count: int | None = None
        self._began = clock.ticks() if began is None else began
        self._marks: list[Mark] = []

    def complete(self, ending: Ending) -> bool:
        """Complete the event with what was seen; only the first ending counts. Answers whether this was it."""
        if not self.open:
            return False
        self.open = False
        self.event.response = Response(
            bytes=ending.bytes,
            duration_us=(clock.ticks() - self._began) // 1000,
            error_type=redaction.optional_text(ending.error_type),
            outcome=ending.outcome,
            result_count=ending.result_count if self._result_count is None else self._result_count,
            status_code=ending.status_code,
        )
        self.event.link = ending.link or self.event.link
        return True

    def settle(self) -> JournalError | None:
        """Have on the disk what is due there; blocks: not for the event loop. Answers why it is not."""
        due = self.due
        try:
            if due is not None:
                due.wait()
        except JournalError as error:
            self.overdue(error)
            return error
        self.due = None
        return None

    def overdue(self, error: JournalError) -> None:
        """What is due is not on the disk in time; a record that is not is missed. Only the first time counts."""
        if self.due is None:
            return
        self.due = None
        faults.report("syncing", error)
        if self.open:  # it is the start, and the tool has not run
            return
        self.fault = error if self.closed else None
        tally.DROPPED.add("not_synced", "")
        if self.miss is not None:
            self.miss(error)

    def annotate(self, resource: object = None, purpose: str | None = None, result_count: int | None = None) -> None:
        """Add what only the tool itself knows; later calls add resources and replace the rest."""
        if resource is not None:
            self._touch(resource)
        if purpose is not None:
            self.event.purpose = redaction.text(str(purpose))
        if result_count is not None:
            self._result_count = int(result_count)

    def apply(self, mark: Mark, arguments: Mapping[str, Any]) -> None:
        """Take over what ``@audited`` says, once a mark. Never raises.

        A template that names an argument which is not here leaves the mark for the function's own wrapper, which
        knows the defaults too.
        """
        if mark in self._marks:
            return
        try:
            resource = None if mark.resource is None else render(mark.resource, arguments)
        except KeyError:
            return
        except Exception as error:  # noqa: BLE001 -- a template or callable of the application's must not cost the call
            faults.report("resource of @audited", error)
            resource = None
        self._marks.append(mark)
        self._take_over(mark)
        if resource is not None:
            self._touch(resource)

    def _take_over(self, mark: Mark) -> None:
        event = self.event
        event.action = redaction.text(mark.action or event.action)
        event.purpose = redaction.optional_text(mark.purpose) or event.purpose
        event.sensitivity = redaction.optional_text(mark.sensitivity) or event.sensitivity
        event.phi = event.phi or mark.phi

    def _touch(self, names: object) -> None:
        known = list(self.event.resources)
        for name in _several(names):
            resource = _resource(str(name))
            if resource not in known and len(known) < RESOURCES_KEPT:
                known.append(resource)
        self.event.resources = known


def raised(error: BaseException) -> Ending:
    """The ending of a call that raised: failed, stopped with the process, or given up by whoever waited for it."""
    if isinstance(error, Exception):
        return Ending("exception", type(error).__name__)
    return Ending("aborted" if isinstance(error, (KeyboardInterrupt, SystemExit)) else "disconnected")


CURRENT: Final[ContextVar[OpenCall | None]] = ContextVar("otel_mcp_audit_call", default=None)


def current() -> OpenCall | None:
    """The open call of this context. A closed one does not count: a background task may outlive its call."""
    call = CURRENT.get()
    return call if call is not None and call.open else None


def annotate(*, resource: object = None, purpose: str | None = None, result_count: int | None = None) -> None:
    """Add to the record of the call that is running: what it touched, why, how much came back.

    Args:
        resource: text such as ``patient:4711``, or several of them; added to those already known.
        purpose: why the data was accessed, in the words of HIPAA's purpose of use or your own.
        result_count: how many items the call returned, where the length of its result does not say so.

    Outside a call nothing happens, and that is counted. Never raises.
    """
    call = current()
    if call is None:
        faults.counts["annotate outside a call"] += 1
        return
    _annotate(call, resource, purpose, result_count)


@faults.harmless("annotate")
def _annotate(call: OpenCall, resource: object, purpose: str | None, result_count: int | None) -> None:
    call.annotate(resource, purpose, result_count)


def render(template: str | Callable[..., object], arguments: Mapping[str, Any]) -> object:
    """The resource of a call: a callable gets the arguments by name, a template is filled with them."""
    return template(**arguments) if callable(template) else template.format_map(arguments)


def _several(names: object) -> Iterable[object]:
    return cast("Iterable[object]", names) if isinstance(names, (list, tuple, set, frozenset)) else (names,)


def _resource(name: str) -> Resource:
    """``patient:4711`` is of type ``patient``; what names no type is a ``resource``."""
    kind, colon, _ = name.partition(":")
    known = bool(colon) and kind.isidentifier()
    return Resource(id=redaction.text(name, redaction.URI_LIMIT), type=redaction.text(kind) if known else "resource")
