"""One OpenTelemetry log record and one span for every MCP call, kept on this machine before the answer leaves.

The names are loaded when they are used: ``opentelemetry-instrument`` imports this package in every child Python.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_mcp_audit.auditor import Auditor
    from otel_mcp_audit.errors import AuditError, Rejected
    from otel_mcp_audit.instrumentation import MCPAuditInstrumentor
    from otel_mcp_audit.instrumentation.decorator import audited
    from otel_mcp_audit.opencall import annotate
    from otel_mcp_audit.policy import Policy
    from otel_mcp_audit.record import Actor, AuditRecord, Call
    from otel_mcp_audit.settings import Settings
    from otel_mcp_audit.sinks import Sink

__all__ = [
    "Actor",
    "AuditError",
    "AuditRecord",
    "Auditor",
    "Call",
    "MCPAuditInstrumentor",
    "Policy",
    "Rejected",
    "Settings",
    "Sink",
    "annotate",
    "audited",
]

_HOMES = {
    "Actor": "record",
    "AuditError": "errors",
    "AuditRecord": "record",
    "Auditor": "auditor",
    "Call": "record",
    "MCPAuditInstrumentor": "instrumentation",
    "Policy": "policy",
    "Rejected": "errors",
    "Settings": "settings",
    "Sink": "sinks",
    "annotate": "opencall",
    "audited": "instrumentation.decorator",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
