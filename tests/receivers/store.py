"""What a receiver got: one JSON object a line, in the file before the acknowledgement."""

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Store:
    """A file of received records; it may be read while a receiver in another process writes it.

    Args:
        path: the file; what is in it already stays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8")

    def add(self, items: Iterable[dict[str, Any]]) -> None:
        """Keep the items, in the operating system's hands when it returns: a killed receiver has lost nothing."""
        text = "".join(json.dumps(item) + "\n" for item in items)
        with self._lock:
            self._file.write(text)
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def of(self, signal: str) -> list[dict[str, Any]]:
        """What was received of ``logs``, ``traces`` or ``metrics``, in order."""
        return of(self.path, signal)


def of(path: Path, signal: str) -> list[dict[str, Any]]:
    """What a receiver's file holds of one signal; a line that is being written is left out."""
    text = path.read_text(encoding="utf-8")
    items = [json.loads(line) for line in text.split("\n")[:-1]]
    return [item for item in items if item["signal"] == signal]


def logs(request: ExportLogsServiceRequest) -> list[dict[str, Any]]:
    """The records of a request."""
    return [
        {
            "signal": "logs",
            "body": value(record.body),
            "attributes": pairs(record.attributes),
            "resource": pairs(part.resource.attributes),
            "scope": scope.scope.name,
            "event_name": record.event_name,
            "severity_number": record.severity_number,
            "severity_text": record.severity_text,
            "timestamp": record.time_unix_nano,
            "observed_timestamp": record.observed_time_unix_nano,
            "trace_id": record.trace_id.hex(),
            "span_id": record.span_id.hex(),
        }
        for part in request.resource_logs
        for scope in part.scope_logs
        for record in scope.log_records
    ]


def spans(request: ExportTraceServiceRequest) -> list[dict[str, Any]]:
    """The spans of a request."""
    return [
        {
            "signal": "traces",
            "name": span.name,
            "kind": span.kind,
            "status": span.status.code,
            "status_message": span.status.message,
            "attributes": pairs(span.attributes),
            "events": [{"name": event.name, "attributes": pairs(event.attributes)} for event in span.events],
            "resource": pairs(part.resource.attributes),
            "scope": scope.scope.name,
            "trace_id": span.trace_id.hex(),
            "span_id": span.span_id.hex(),
            "parent_span_id": span.parent_span_id.hex(),
        }
        for part in request.resource_spans
        for scope in part.scope_spans
        for span in scope.spans
    ]


def metrics(request: ExportMetricsServiceRequest) -> list[dict[str, Any]]:
    """The metrics of a request, without their points' values."""
    return [
        {
            "signal": "metrics",
            "name": metric.name,
            "unit": metric.unit,
            "kind": metric.WhichOneof("data"),
            "points": [
                pairs(point.attributes) for point in getattr(metric, metric.WhichOneof("data") or "sum").data_points
            ],
            "resource": pairs(part.resource.attributes),
            "scope": scope.scope.name,
        }
        for part in request.resource_metrics
        for scope in part.scope_metrics
        for metric in scope.metrics
    ]


def pairs(attributes: Iterable[Any]) -> dict[str, Any]:
    """Attributes as a map."""
    return {pair.key: value(pair.value) for pair in attributes}


def value(any_value: Any) -> Any:
    """An AnyValue as a JSON value; bytes as hex."""
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(any_value, kind)
    if kind == "array_value":
        return [value(item) for item in found.values]
    if kind == "kvlist_value":
        return pairs(found.values)
    return found.hex() if kind == "bytes_value" else found
