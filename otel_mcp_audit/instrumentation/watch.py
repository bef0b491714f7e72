"""Stands around one call at a seam: opens it, lets it run, ends it with what was seen, changes nothing about it."""

from collections.abc import Awaitable, Callable
from contextvars import Token
from typing import Any, Concatenate, ParamSpec, TypeVar

from otel_mcp_audit import faults, metrics
from otel_mcp_audit.auditor import WITHHELD
from otel_mcp_audit.errors import NotRecorded
from otel_mcp_audit.instrumentation import arrival, asking, spans
from otel_mcp_audit.instrumentation.hop import hop
from otel_mcp_audit.instrumentation.methods import UNRECORDED
from otel_mcp_audit.opencall import CURRENT, Arrival, Ending, OpenCall, current, raised
from otel_mcp_audit.runtime import RUNTIME

P = ParamSpec("P")
T = TypeVar("T")

Answered = Callable[[OpenCall, Any], Ending]
Failed = Callable[[OpenCall, BaseException], Ending]


def passes(method: object) -> bool:
    """Whether a request has no record: it is of a method that is only counted, or part of a call that is running."""
    if method in UNRECORDED:
        faults.counts[f"not recorded: {method}"] += 1
        return True
    return current() is not None


async def begin(method: str, describe: Callable[P, Arrival], *args: P.args, **kwargs: P.kwargs) -> OpenCall | None:
    """Open the request that ``describe`` sees; None where this process does not audit, or on a fault of ours.

    An async resolver of the application's is awaited first.

    Raises:
        NotRecorded: with ``ON_FAILURE=closed``: the call must not run.
    """
    resolver = RUNTIME.awaited()
    if resolver is None:
        return begin_at_once(method, describe, *args, **kwargs)
    arrived = _arrival(method, describe, *args, **kwargs)
    try:
        await asking.ask(resolver, arrived)
    except BaseException as error:  # cancelled before it could begin, and on record all the same
        opened, ending = RUNTIME.begin(lambda: arrived), raised(error)
        if opened is not None:
            end(opened, lambda _: ending)
        raise
    return RUNTIME.begin(lambda: arrived)


def begin_at_once(method: str, describe: Callable[P, Arrival], *args: P.args, **kwargs: P.kwargs) -> OpenCall | None:
    """``begin`` where nothing can be awaited: an async resolver is not asked."""
    return RUNTIME.begin(lambda: _arrival(method, describe, *args, **kwargs))


def _arrival(method: str, describe: Callable[P, Arrival], *args: P.args, **kwargs: P.kwargs) -> Arrival:
    """A call that cannot be described has a record all the same."""
    try:
        return describe(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 -- a request of any shape must not cost the record
        faults.report("describing a call", error)
        return arrival.unseen(method)


class Scope:
    """Makes a call the current one of this context."""

    def __init__(self, opened: OpenCall) -> None:
        self._opened = opened
        self._token: Token[OpenCall | None] | None = None

    def __enter__(self) -> None:
        self._token = CURRENT.set(self._opened)

    def __exit__(self, *exc: object) -> None:
        if self._token is not None:
            CURRENT.reset(self._token)


async def watch(opened: OpenCall, call: Callable[[], Awaitable[T]], answered: Answered, failed: Failed) -> T:
    """Await what ``call`` does and end with its answer, or with what it raised; both pass through untouched.

    Raises:
        NotRecorded: with ``ON_FAILURE=closed``: the call is not run, or its answer is withheld.
    """
    if opened.due is not None and (late := await hop(opened)) is not None:
        RUNTIME.refuse_call(opened, late)
    try:
        result = await call()
    except BaseException as error:
        end(opened, failed, error)
        if not isinstance(error, GeneratorExit):  # whoever closes a coroutine does not let it wait
            await kept(opened, withhold=isinstance(error, Exception))
        raise
    end(opened, answered, result)
    await kept(opened)
    return result


async def kept(opened: OpenCall, *, withhold: bool = True) -> None:
    """Return when the record of a call is as safe as the settings ask for: the last moment before its answer leaves.

    Raises:
        NotRecorded: with ``ON_FAILURE=closed``: it is not, and the answer must not leave.
    """
    if opened.due is not None:
        await hop(opened)
    if opened.fault is not None and withhold:
        raise NotRecorded(WITHHELD) from opened.fault


def run(opened: OpenCall, call: Callable[[], T], answered: Answered, failed: Failed) -> T:
    """``watch`` for a plain function: what is waited for is waited for here."""
    RUNTIME.auditor().await_start(opened)
    try:
        result = call()
    except BaseException as error:
        end(opened, failed, error)
        raise
    end(opened, answered, result)
    RUNTIME.auditor().await_record(opened)
    return result


@faults.harmless("ending a call")
def end(
    opened: OpenCall, classify: Callable[Concatenate[OpenCall, P], Ending], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Complete the call, tie it to its span, keep its record. Only the first ending counts."""
    if opened.open and opened.complete(_ending(opened, classify, *args, **kwargs)):
        spans.note(opened)
        metrics.note(opened)
        RUNTIME.keep(opened)


def _ending(
    opened: OpenCall, classify: Callable[Concatenate[OpenCall, P], Ending], *args: P.args, **kwargs: P.kwargs
) -> Ending:
    """An end that cannot be classified was not seen: ``unknown``, never ``success``."""
    try:
        return classify(opened, *args, **kwargs)
    except Exception as error:  # noqa: BLE001 -- an answer of any shape must not cost the record
        faults.report("classifying an answer", error)
        return Ending("unknown")
