"""Adapter for docket, the queue from which workers take fastmcp's tasks, in the server's process or in another."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import lru_cache, partial, wraps
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final

from msgspec import structs

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation import answer, arrival, releases, tasks
from otel_mcp_audit.instrumentation.answer import mapping
from otel_mcp_audit.instrumentation.decorator import mark_of
from otel_mcp_audit.instrumentation.fastmcp import OWN_ERRORS
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall, current
from otel_mcp_audit.redaction import text

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]
Function = Callable[..., Awaitable[Any]]

PACKAGES: Final = ("fastmcp_tasks", "fastmcp.server.tasks")
"""Where fastmcp keeps its tasks: since 4, and before."""

ASKS: Final = frozenset({"InputRequiredResult", "InputRequiredToolResult"})
"""What a tool returns that asks the client for more."""

_KEY: Final = re.compile(r"(?:tool|prompt|resource|template):(.*)@[^@]*", re.DOTALL)
"""A component's key since fastmcp 3: its kind, its name or URI, its version."""


def build_task_key(wrapped: Callable[..., str], instance: Any, args: Args, kwargs: Kwargs) -> str:
    """``build_task_key(scope, task_id, kind, identifier)``: a task gets its name, inside the call that submits it."""
    del instance
    opened = current()
    task_id = args[1] if len(args) > 1 else kwargs.get("client_task_id")
    if opened is not None and isinstance(task_id, str):
        tasks.remember(task_id, tasks.submission(opened))
    return wrapped(*args, **kwargs)


def reentrant_task_fn(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``reentrant_task_fn(fn, tool_name)``: outside it an exception is a result, and a question is no result at all."""
    del instance
    return wrapped(_observed(args[0]), *args[1:], **kwargs) if args else wrapped(*args, **kwargs)


def _observed(function: Function) -> Function:
    @wraps(function)
    async def observed(*args: Any, **kwargs: Any) -> Any:
        opened = current()
        try:
            result = await function(*args, **kwargs)
        except Exception as error:
            if opened is not None:
                opened.failure = _failure(error)
            raise
        if opened is not None and type(result).__name__ in ASKS:
            opened.failure = Ending("input_required")
        return result

    return observed


async def execute(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """``Worker._execute(execution, ...)``: one run of a task, perhaps of one that ran before."""
    run = _run(instance, args[0] if args else kwargs.get("execution"))
    if run is None:
        return await wrapped(*args, **kwargs)
    token = _RUN.set(run)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _RUN.reset(token)


@faults.harmless("looking at a task")
def _run(worker: Any, execution: Any) -> "_Run | None":
    """The run, where the task is fastmcp's: an application may have others in the queue."""
    parts = _parts(execution.key)
    if parts is None:
        return None
    execution._function = _audited(execution.function)
    return _Run(worker, execution, parts)


def _parts(key: str) -> Mapping[str, Any] | None:
    """What a task's key says in the words of the fastmcp that is here; None where it is nobody's."""
    for package in PACKAGES:
        keys = sys.modules.get(f"{package}.keys")
        if keys is None:
            continue
        try:
            parts: Mapping[str, Any] = keys.parse_task_key(key)
        except ValueError:
            return None
        return parts if parts["task_type"] in tasks.KINDS else None
    return None


@lru_cache(maxsize=1024)
def _audited(function: Function) -> Function:
    """The function a worker calls; one a function, since docket keeps what it has found out about each."""

    @wraps(function)
    async def audited(*args: Any, **kwargs: Any) -> Any:
        run = _RUN.get()
        return await (function(*args, **kwargs) if run is None else run.watched(function, args, kwargs))

    return audited


class _Run:
    """One run of a task in a worker: outside is the worker's own asyncio task, inside the tool."""

    def __init__(self, worker: Any, execution: Any, parts: Mapping[str, Any]) -> None:
        self._worker = worker
        self._outside = asyncio.current_task()
        self._method = tasks.KINDS[parts["task_type"]]
        self._id: str = parts["client_task_id"]
        self._name = _name(parts["component_identifier"])
        given = execution.args[0] if execution.args else execution.kwargs
        self._arguments = mapping(given)

    async def watched(self, function: Function, args: Args, kwargs: Kwargs) -> Any:
        """Await the tool; what it raises is the worker's to handle."""

        def prepare(opened: OpenCall) -> None:
            opened.registered = True
            opened.cancelled = self._taken_back
            mark = mark_of(function)
            if mark is not None:
                opened.apply(mark, self._arguments)

        work = partial(function, *args, **kwargs)
        return await tasks.watched(self._method, self._arrival, prepare, work, self._failed)

    def _arrival(self) -> Arrival:
        submitted = tasks.remembered(self._id)
        if submitted is None:
            return self._stored()
        return tasks.run_of(submitted, self._id, self._arguments, self._method)

    def _stored(self) -> Arrival:
        """What the framework has brought to this process of the request that submitted the task."""
        snapshot = _snapshot(self._id)
        asked = {"name": self._name, "uri": self._name, "arguments": self._arguments}
        arrived = arrival.described(self._method, asked, None, _request(snapshot))
        transport = "http" if answer.field(snapshot, "http_headers") else "none"
        arrived.call = structs.replace(arrived.call, transport=transport)
        arrived.request.transport = transport
        arrived.link = answer.task_link(self._id)
        return arrived

    def _taken_back(self) -> bool:
        """Whether the client has cancelled the task."""
        return self._outside in getattr(self._worker, "_cancelled_by_docket", ())

    def _failed(self, opened: OpenCall, error: BaseException) -> Ending:
        if opened.cancelled() or not isinstance(error, (Exception, asyncio.CancelledError)):
            return answer.failure(opened, error)
        if isinstance(error, Exception):
            return opened.failure or _failure(error)
        if self._outside is not asyncio.current_task() and not (self._outside and self._outside.cancelling()):
            return Ending("exception", "TimeoutError")  # the worker lives and has ended the tool alone
        return answer.failure(opened, error)


_RUN: Final[ContextVar[_Run | None]] = ContextVar("otel_mcp_audit_run", default=None)


def _failure(error: Exception) -> Ending:
    name = type(error).__name__
    code = getattr(getattr(error, "error", None), "code", None)
    if name == "MCPError" and code is not None:  # of 2.x, where it is answered as the JSON-RPC error that it is
        return answer.protocol_error(code)
    said = OWN_ERRORS & {kind.__name__ for kind in type(error).__mro__}
    return Ending("tool_error", "tool_error") if said else Ending("exception", name)


def _name(identifier: str) -> str:
    found = _KEY.fullmatch(identifier) if releases.major("fastmcp") != 2 else None  # noqa: PLR2004 -- 2 has plain names
    return text(found[1] if found else identifier)


def _snapshot(task_id: str) -> Any:
    """What fastmcp has kept of the submitting request, as its worker has just read it; on 2 nothing."""
    for package in PACKAGES:
        context = sys.modules.get(f"{package}.context")
        if context is not None:
            return context._recall_snapshot(task_id)
    return None


def _request(snapshot: Any) -> Any:
    """The stored headers and token as the HTTP request that they came with. The token may have expired since."""
    headers = mapping(answer.field(snapshot, "http_headers"))
    token = answer.field(snapshot, "access_token_json")
    if token is not None:
        token = import_module("fastmcp.server.auth").AccessToken.model_validate_json(token)
    scope = {
        "type": "http",
        "headers": [(_bytes(name), _bytes(value)) for name, value in headers.items()],
        "query_string": b"",
        "user": SimpleNamespace(access_token=token),
    }
    return import_module("starlette.requests").Request(scope)


def _bytes(header: str) -> bytes:
    return header.encode("latin-1", "replace")
