"""A record as the SDK's own log record, for the official encoder: what ours is held against."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, SpanContext, set_span_in_context

from otel_mcp_audit.projection import project
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.semconv import SCOPE

_SCOPE: Final = InstrumentationScope(SCOPE)
# Not an empty context, in whose place the API would put the current one.
_NO_SPAN: Final = set_span_in_context(INVALID_SPAN, Context())


def readable(records: Sequence[AuditRecord]) -> list[ReadableLogRecord]:
    """The records as an exporter takes them; built past the provider, so that no attribute limit applies.

    Raises:
        ValueError: a line that cannot be projected.
    """
    return [_readable(record) for record in records]


def _readable(record: AuditRecord) -> ReadableLogRecord:
    projection = project(record)
    # The record is written when the call ends: that is when it was observed.
    duration_us = record.response.duration_us or 0
    log_record = LogRecord(
        timestamp=projection.timestamp_ns,
        observed_timestamp=projection.timestamp_ns + duration_us * 1000,
        context=_context(projection.trace_id, projection.span_id),
        severity_number=SeverityNumber(projection.severity.number),
        severity_text=projection.severity.text,
        body=projection.body,
        attributes=projection.attributes,
        event_name=projection.event_name,
    )
    return ReadableLogRecord(log_record, _resource(tuple(record.resource.items())), _SCOPE)


def _context(trace_id: int, span_id: int) -> Context:
    if not trace_id:
        return _NO_SPAN
    span = NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=False))
    return set_span_in_context(span, Context())


class _HashedOnce(Resource):
    """The encoder groups by Resource, whose own hash writes all of it as JSON for each record."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        super().__init__(attributes)
        self._hash = super().__hash__()

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)


@lru_cache(maxsize=64)
def _resource(items: tuple[tuple[str, str], ...]) -> Resource:
    return _HashedOnce(dict(items))
