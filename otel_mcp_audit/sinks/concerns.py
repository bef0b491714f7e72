"""What is worth knowing about a route before a record is sent: for ``run`` and ``doctor``."""

from collections.abc import Mapping, Sequence
from typing import Final

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.sinks.exporter import ExporterSink
from otel_mcp_audit.sinks.otel import OtelSink
from otel_mcp_audit.sinks.otlp import OtlpSink
from otel_mcp_audit.sinks.sink import Named, Sink

LIMITS: Final = (
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
)
"""Variables by which a LoggerProvider cuts what it is handed."""


def problems(named: Sequence[Named]) -> list[str]:
    """Why a sink can take nothing, each with its mend. An exporter is imported and made for it, nothing is sent."""
    return [problem for _, sink in named if (problem := _problem(sink)) is not None]


def _problem(sink: Sink) -> str | None:
    if isinstance(sink, OtelSink):
        return sink.problem
    if isinstance(sink, ExporterSink):
        try:
            sink.load()
        except ConfigurationError as error:
            return str(error)
    return None


def warnings(named: Sequence[Named], environ: Mapping[str, str]) -> list[str]:
    """What may cut, lose or double records although every sink can take them."""
    if not any(isinstance(sink, OtelSink) for _, sink in named):
        return []
    found = [
        f"otel: {variable} is set, and the LoggerProvider cuts the trail's attributes by it; the body stays whole. "
        "Unset it, or use another sink"
        for variable in LIMITS
        if environ.get(variable, "").strip()
    ]
    others = ", ".join(name for name, sink in named if isinstance(sink, OtlpSink | ExporterSink))
    if others:
        found.append(
            f"otel and {others}: where both reach one destination it has two copies of each record, of the same "
            "log.record.uid. Keep one of them, or have the destination keep one by that id"
        )
    return found
