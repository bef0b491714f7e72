"""Any fault of ours leaves the audited server alone: it is counted and makes one rate-limited log line.

``harmless`` guards our own functions only, never the application's code, whose exceptions are not ours.
"""

import functools
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from otel_mcp_audit.errors import AuditError

P = ParamSpec("P")
R = TypeVar("R")

LOGGER: Final = logging.getLogger("otel_mcp_audit")

QUIET_S: Final = 60.0
"""Seconds between two log lines of one place."""

counts: Final[Counter[str]] = Counter()
"""How often each place was at fault since the process began."""

_last_said: Final[dict[str, float]] = {}


def report(where: str, error: BaseException | str, level: int = logging.ERROR) -> None:
    """Count a fault at ``where`` and say so, at most once a minute a place."""
    counts[where] += 1
    now = time.monotonic()
    if now - _last_said.get(where, -QUIET_S) < QUIET_S:
        return
    _last_said[where] = now
    LOGGER.log(level, "%s (%d times so far): %s", where, counts[where], _cause(error))


def _cause(error: BaseException | str) -> str:
    """Our own errors and the system's speak; the text of any other could hold a client's values: its place instead."""
    if isinstance(error, (str, AuditError, OSError)):
        return str(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    return type(error).__name__ + place


def harmless(where: str) -> Callable[[Callable[P, R]], Callable[P, R | None]]:
    """Guard a function of ours: on any exception the fault is reported and the answer is None."""

    def guard(function: Callable[P, R]) -> Callable[P, R | None]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | None:
            try:
                return function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 -- the boundary between our code and the audited server
                report(where, error)
                return None

        return guarded

    return guard
