"""Destinations of records."""

from otel_mcp_audit.sinks.concerns import problems, warnings
from otel_mcp_audit.sinks.quote import address, quote
from otel_mcp_audit.sinks.route import LOGS_EXPORTER, SINKS, Spec, delivered, in_line, path_of, resolve
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
    "address",
    "delivered",
    "in_line",
    "path_of",
    "problems",
    "quote",
    "resolve",
    "warnings",
]
