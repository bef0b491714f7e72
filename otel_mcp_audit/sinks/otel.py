"""Records to the LoggerProvider of this process, handed over in line: what it does with them is its own affair.

There is no acknowledgement and no cursor. What the provider drops, cuts or loses stands in the journal alone.
"""

import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from otel_mcp_audit import faults
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.semconv import SCOPE

_LOGS: Final = "otel_mcp_audit.sinks.otel_logs"
_API: Final = "opentelemetry._logs"


class _Busy(threading.local):
    """Whether this thread is handing a record over: a processor that makes an audited call would never end."""

    now = False


_BUSY: Final = _Busy()


class OtelSink:
    """Hands each record over before ``write`` returns, on the caller's thread.

    A processor that blocks blocks the call. One that raises, or makes audited calls itself, does not harm it.

    Args:
        provider: the LoggerProvider; None is the one that the process has set when a record is handed over.
    """

    def __init__(self, provider: Any = None) -> None:
        self._given = provider

    @property
    def problem(self) -> str | None:
        """Why nothing can be handed over, with the mend; None where it can."""
        if self._provider() is not None:
            return None
        return (
            "otel: no LoggerProvider is set in this process; set one before the first server starts, "
            "or give OTEL_MCP_AUDIT_SINKS another sink, such as otlp"
        )

    def write(self, records: Sequence[AuditRecord]) -> None:
        """Hand the records over, in order; never raises an ``Exception``."""
        if _BUSY.now:
            faults.report("handing a record over", "made by a processor of another record: kept in the journal alone")
            return
        _BUSY.now = True
        try:
            self._emit(records)
        finally:
            _BUSY.now = False

    @faults.harmless("handing a record over")
    def _emit(self, records: Sequence[AuditRecord]) -> None:
        provider = self._provider()
        if provider is None:
            faults.report("handing a record over", self.problem or "")
            return
        logger = provider.get_logger(SCOPE)
        for record in records:
            logger.emit(import_module(_LOGS).log_record(record))

    def close(self) -> None:
        """The provider is not ours to close."""

    def _provider(self) -> Any:
        return self._given if self._given is not None else provider_in_code()


def provider_in_code() -> Any:
    """The LoggerProvider that somebody has set in this process; None where nobody has."""
    if _API not in sys.modules:  # then nobody can have set one
        return None
    return import_module(_LOGS).current_provider()
