"""The process's LoggerProvider, set for a while: the API itself lets it be set once only."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from opentelemetry import _logs
from opentelemetry._logs import LoggerProvider


@contextmanager
def set_globally(provider: LoggerProvider | None) -> Generator[None]:
    """Within it the process has this provider, or none."""
    internal: Any = import_module(f"{_logs.__name__}._internal")
    before, internal._LOGGER_PROVIDER = internal._LOGGER_PROVIDER, provider
    try:
        yield
    finally:
        internal._LOGGER_PROVIDER = before
