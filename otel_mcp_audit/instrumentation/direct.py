"""A server's own way to its tools, resources, prompts: the nearest look inside a request, elsewhere the only one."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from opentelemetry import context
from opentelemetry.trace import SpanKind

from otel_mcp_audit.instrumentation import answer, spans, watch
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall, current

T = TypeVar("T")

Observe = Callable[[OpenCall, Callable[[], Awaitable[T]]], Awaitable[T]]
"""Lets the call run, and notes on the open call what can be seen of it here."""


async def called(
    method: str,
    call: Callable[[], Awaitable[T]],
    describe: Callable[[], Arrival],
    observe: Observe[T],
    span: spans.Opening = spans.own,
) -> T:
    """Let ``call`` run: observed inside a request for it, as a call of its own outside any, alone inside another."""
    opened = current()
    if opened is not None and (opened.depth or opened.event.request.method != method):
        return await call()  # a call inside a call adds nothing to the record of the outer one
    if opened is not None:
        return await _deeper(opened, observe, call)
    opened = await watch.begin(method, describe)
    if opened is None:
        return await call()
    with watch.Scope(opened), span(opened, context.get_current(), SpanKind.INTERNAL):
        return await watch.watch(opened, partial(_deeper, opened, observe, call), _in_process, _failed)


async def _deeper(opened: OpenCall, observe: Observe[T], call: Callable[[], Awaitable[T]]) -> T:
    opened.depth += 1
    try:
        return await observe(opened, call)
    finally:
        opened.depth -= 1


def _in_process(opened: OpenCall, result: Any) -> Ending:
    """A tool's own value may be its whole answer; without a form for the wire, its length is all that can be told."""
    if opened.event.event_type != "tool_call" or answer.field(result, "content") is not None:
        return answer.answered(opened, result)
    return Ending("success", result_count=answer.length(result))


def _failed(opened: OpenCall, error: BaseException) -> Ending:
    return opened.failure if opened.failure and isinstance(error, Exception) else answer.failure(opened, error)
