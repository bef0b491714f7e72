"""Destinations of records."""

from otel_mcp_audit.sinks.quote import quote
from otel_mcp_audit.sinks.route import LOGS_EXPORTER, SINKS, Spec, resolve
from otel_mcp_audit.sinks.sink import FunctionSink, Named, NotUnderstood, Sink, Unavailable, Write

__all__ = [
    "LOGS_EXPORTER",
    "SINKS",
    "FunctionSink",
    "Named",
    "NotUnderstood",
    "Sink",
    "Spec",
    "Unavailable",
    "Write",
    "quote",
    "resolve",
]
