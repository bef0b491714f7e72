"""Where servers start and stop: the trail is opened at the first start, and closed when the last HTTP server has ended.

uvicorn restores the default action of SIGTERM and raises it again after its shutdown, so no exit hook runs: the end of
the session manager is the last moment in which records can still leave.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final

import anyio.to_thread

from otel_mcp_audit.instrumentation import releases
from otel_mcp_audit.runtime import RUNTIME

STDIO: Final[ContextVar[bool]] = ContextVar("otel_mcp_audit_stdio", default=False)
"""Whether this context serves a stdio connection; on the wire stdio and in-memory streams look the same."""

_RUNNING: Final[list[object]] = []
"""The HTTP servers of this process."""

Wrapped = Callable[..., Any]


def server_run(wrapped: Wrapped, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """``Server.run``: a connection over streams is served."""
    _serve(instance)
    return wrapped(*args, **kwargs)


def _serve(server: object) -> None:
    """Open the trail; not for a server that is left alone: a trail without its calls would say that it had none."""
    if not releases.left_alone(server):
        RUNTIME.serve()


def stdio_server(
    wrapped: Wrapped, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> AbstractAsyncContextManager[Any]:
    """``stdio_server``: what is started inside it serves stdin and stdout."""
    del instance
    return _marked(wrapped(*args, **kwargs))


@asynccontextmanager
async def _marked(streams: AbstractAsyncContextManager[Any]) -> AsyncGenerator[Any]:
    outside = STDIO.get()
    STDIO.set(True)
    try:
        async with streams as entered:
            yield entered
    finally:
        STDIO.set(outside)


def http_run(
    wrapped: Wrapped, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> AbstractAsyncContextManager[Any]:
    """``StreamableHTTPSessionManager.run``: the life of an HTTP server."""
    _serve(getattr(instance, "app", None))
    return _counted(wrapped(*args, **kwargs))


@asynccontextmanager
async def _counted(running: AbstractAsyncContextManager[Any]) -> AsyncGenerator[Any]:
    _RUNNING.append(running)
    try:
        async with running as entered:
            yield entered
    finally:
        _RUNNING.remove(running)
        if not _RUNNING:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(RUNTIME.rest)
