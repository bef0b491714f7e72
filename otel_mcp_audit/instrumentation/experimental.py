"""Adapter for the experimental tasks of mcp 1.x: work that a tool hands to its server, done after the answer."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from otel_mcp_audit.instrumentation import tasks
from otel_mcp_audit.instrumentation.methods import CALL
from otel_mcp_audit.opencall import OpenCall, current

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]
Work = Callable[[Any], Awaitable[Any]]

_TAKEN_BACK: Final[dict[str, bool]] = {}
"""Of each task whose work is under way: whether the client has cancelled it. The kernel lets the work go on."""


def run_task(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``Experimental.run_task(work, ...)``: what is handed over has a record of its own."""
    del instance
    opened = current()
    given = dict(zip(("work",), args, strict=False)) | dict(kwargs)
    if opened is not None and callable(given.get("work")):
        given["work"] = _audited(given["work"], opened)
    return wrapped(**given)


def _audited(work: Work, submitting: OpenCall) -> Work:
    submitted, arguments = tasks.submission(submitting), submitting.arguments

    async def audited(task: Any) -> Any:
        def prepare(opened: OpenCall) -> None:
            opened.registered = submitting.registered
            opened.cancelled = lambda: _TAKEN_BACK.get(task.task_id, False)

        _TAKEN_BACK[task.task_id] = False
        try:
            describe = partial(tasks.run_of, submitted, task.task_id, arguments)
            return await tasks.watched(CALL, describe, prepare, partial(work, task))
        finally:
            _TAKEN_BACK.pop(task.task_id, None)

    return audited


async def cancel_task(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``cancel_task(store, task_id)``: the client takes a task back, if the store lets it."""
    del instance
    result = await wrapped(*args, **kwargs)
    task_id = args[1] if len(args) > 1 else kwargs.get("task_id")
    if task_id in _TAKEN_BACK:
        _TAKEN_BACK[task_id] = True
    return result
