"""All that we name of OpenTelemetry's Logs API and SDK, which are underscored and may still change: in one place."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from opentelemetry._logs import LogRecord, SeverityNumber, get_logger_provider
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from otel_mcp_audit.projection import project
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.semconv import SCOPE
from otel_mcp_audit.sinks.unseen import unseen

_SCOPE: Final = InstrumentationScope(SCOPE)
_API: Final = "opentelemetry._logs"
# Not an empty context, in whose place the API would put the current one.
_NO_SPAN: Final = set_span_in_context(INVALID_SPAN, Context())


def log_record(record: AuditRecord) -> LogRecord:
    """The record as a LoggerProvider takes it.

    Raises:
        ValueError: a line that cannot be projected.
    """
    projection = project(record)
    # The record is written when the call ends: that is when it was observed.
    duration_us = record.response.duration_us or 0
    return LogRecord(
        timestamp=projection.timestamp_ns,
        observed_timestamp=projection.timestamp_ns + duration_us * 1000,
        context=_context(projection.trace_id, projection.span_id),
        severity_number=SeverityNumber(projection.severity.number),
        severity_text=projection.severity.text,
        body=projection.body,
        attributes=projection.attributes,
        event_name=projection.event_name,
    )


def readable(records: Sequence[AuditRecord]) -> list[ReadableLogRecord]:
    """The records as an exporter takes them: past every provider, so that no attribute limit applies.

    Raises:
        ValueError: a line that cannot be projected.
    """
    return [
        ReadableLogRecord(log_record(record), _resource(tuple(record.resource.items())), _SCOPE) for record in records
    ]


def export(exporter: Any, records: Sequence[AuditRecord]) -> object:
    """Have an exporter send the records; what it answers."""
    with unseen():
        return exporter.export(readable(records))


def shut_down(exporter: Any) -> None:
    """Have an exporter send what it holds, and end."""
    with unseen():
        if hasattr(exporter, "force_flush"):  # younger than the first releases that we take
            exporter.force_flush()
        exporter.shutdown()


def current_provider() -> Any:
    """The LoggerProvider that this process has set; None where it has none but the API's own stand-in."""
    provider = get_logger_provider()
    return None if type(provider).__module__.startswith(_API) else provider


def _context(trace_id: int, span_id: int) -> Context:
    if not trace_id:
        return _NO_SPAN
    # A trail is never sampled: whoever drops the logs of unsampled traces is to let its records pass.
    flags = TraceFlags(TraceFlags.SAMPLED)
    return set_span_in_context(NonRecordingSpan(SpanContext(trace_id, span_id, False, flags)), Context())  # noqa: FBT003 -- positional in the API


@lru_cache(maxsize=64)
def _resource(items: tuple[tuple[str, str], ...]) -> Resource:
    return Resource(dict(items))
