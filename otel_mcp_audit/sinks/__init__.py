"""Destinations of records."""

from otel_mcp_audit.sinks.concerns import problems, warnings
from otel_mcp_audit.sinks.quote import quote
from otel_mcp_audit.sinks.route import LOGS_EXPORTER, SINKS, Spec, delivered, in_line, resolve
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
    "delivered",
    "in_line",
    "problems",
    "quote",
    "resolve",
    "warnings",
]
