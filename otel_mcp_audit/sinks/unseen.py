"""An export of ours is seen by nobody: no instrumentation makes a span of it, no exporter's logger tells of it."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.instrumentation.utils import suppress_instrumentation

_ours: ContextVar[bool] = ContextVar("otel_mcp_audit_export", default=False)


@contextmanager
def unseen() -> Generator[None]:
    """Within it requests, urllib3 and gRPC are not traced, and loggers given to ``silence`` are silent."""
    token = _ours.set(True)
    try:
        with suppress_instrumentation():
            yield
    finally:
        _ours.reset(token)


def silence(logger: logging.Logger) -> None:
    """Let a logger pass over our exports: delivery says once, in the destination's words, what went wrong."""
    if _not_ours not in logger.filters:
        logger.addFilter(_not_ours)


def _not_ours(_record: logging.LogRecord) -> bool:
    return not _ours.get()
