"""Calls that run as tasks: the answer only accepts them, the tool runs later, perhaps in another process.

The call's record says ``task_accepted``; each run of the tool has a record of its own, with the same link. Who
submitted the task is known from the call itself where it came to this process, else from what the framework has stored.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Final, NamedTuple, TypeVar

from msgspec import structs
from opentelemetry import context
from opentelemetry.trace import SpanKind

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation import answer, methods, spans, watch
from otel_mcp_audit.instrumentation.methods import CALL, GET, READ
from otel_mcp_audit.line import Agent, Request, Resource, ServerInfo, User
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall
from otel_mcp_audit.record import Call

T = TypeVar("T")

_KIND: Final = SpanKind.CONSUMER

REMEMBERED: Final = 4096
"""Tasks whose submitters are remembered; of older ones the framework may still know the token."""


KINDS: Final = {"tool": CALL, "prompt": GET, "resource": READ, "template": READ}
"""The framework's own names of what may run as a task, and the methods; since fastmcp 4 only tools may."""


class Submission(NamedTuple):
    """Of the call that submitted a task, what its runs have in common with it."""

    tool: str | None
    request: Request
    agent: Agent
    server: ServerInfo
    user: User
    delegation: Sequence[str]
    resources: Sequence[Resource]


_SUBMITTED: Final[OrderedDict[str, Submission]] = OrderedDict()


def submission(opened: OpenCall) -> Submission:
    """What the runs of the task that ``opened`` submits have in common with it."""
    event = opened.event
    who = event.user, event.delegation
    return Submission(event.tool, event.request, event.agent, event.server, *who, event.resources)


@faults.harmless("remembering a task")
def remember(task_id: str, submitted: Submission) -> None:
    """Keep who submitted a task, for its runs in this process."""
    _SUBMITTED[task_id] = submitted
    while len(_SUBMITTED) > REMEMBERED:
        _SUBMITTED.popitem(last=False)


def remembered(task_id: str) -> Submission | None:
    """Who submitted a task to this process."""
    return _SUBMITTED.get(task_id)


def run_of(submitted: Submission, task_id: str, arguments: Mapping[str, Any], method: str = CALL) -> Arrival:
    """The arrival of one run of a task; identity and request are the submitter's, never the worker's."""
    row = methods.row(method)
    request = structs.replace(submitted.request, span_id=None, trace_id=None)
    return Arrival(
        call=Call(method=method, tool=submitted.tool, arguments=arguments, transport=request.transport),
        request=request,
        agent=submitted.agent,
        server=submitted.server,
        user=structs.replace(submitted.user),
        delegation=submitted.delegation,
        event_type=row.event_type,
        action=row.action,
        resources=submitted.resources if row.targets else (),
        link=answer.task_link(task_id),
    )


async def watched(
    method: str,
    describe: Callable[[], Arrival],
    prepare: Callable[[OpenCall], None],
    work: Callable[[], Awaitable[T]],
    failed: watch.Failed = answer.failure,
) -> T:
    """Await one run of a task, as a call of its own.

    Raises:
        NotRecorded: with ``ON_FAILURE=closed``: the run is not begun, or its result is withheld.
    """
    opened = await watch.begin(method, describe)
    if opened is None:
        return await work()
    prepare(opened)
    with watch.Scope(opened), nullcontext() if spans.adopt(opened) else spans.own(opened, context.get_current(), _KIND):
        return await watch.watch(opened, work, answered, failed)


def answered(opened: OpenCall, result: object) -> Ending:
    """The ending of a run that returned: what a tool returns, before any kernel has made an answer of it."""
    if opened.failure is not None:  # what was raised or asked for is no longer to be seen in what is returned
        return Ending("cancelled") if opened.cancelled() else opened.failure
    if answer.field(result, "content") is not None or opened.cancelled():
        return answer.answered(opened, result)
    return Ending("success", result_count=answer.length(result))
