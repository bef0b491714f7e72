"""The receivers themselves, driven by the stock SDK: what other tests build on must be right."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode

from otel_mcp_audit.errors import Refused
from otel_mcp_audit.sinks import resolve
from tests.receivers import GrpcReceiver, HttpReceiver, by_name
from tests.sinks.lines import records

Receiver = HttpReceiver | GrpcReceiver


@pytest.fixture(params=[HttpReceiver, GrpcReceiver], ids=["http", "grpc"])
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    with request.param() as receiver:
        yield receiver


def spans_to(receiver: Receiver) -> Any:
    if isinstance(receiver, HttpReceiver):
        return HttpSpans(endpoint=f"{receiver.endpoint}/v1/traces")
    return GrpcSpans(endpoint=receiver.endpoint)


def metrics_to(receiver: Receiver) -> Any:
    if isinstance(receiver, HttpReceiver):
        return HttpMetrics(endpoint=f"{receiver.endpoint}/v1/metrics")
    return GrpcMetrics(endpoint=receiver.endpoint)


def test_spans_are_kept_with_everything_a_test_asks_for(receiver: Receiver) -> None:
    provider = TracerProvider(resource=Resource({"service.name": "app"}))
    provider.add_span_processor(SimpleSpanProcessor(spans_to(receiver)))
    tracer = provider.get_tracer("app")
    started = tracer.start_as_current_span
    with started("outer", attributes={"a": [1, 2], "b": True}) as outer, started("inner") as inner:
        inner.add_event("happened", {"c": 1.5})
        inner.set_status(Status(StatusCode.ERROR, "why"))
    provider.shutdown()
    found = {span["name"]: span for span in receiver.spans()}
    assert found["outer"]["attributes"] == {"a": [1, 2], "b": True}
    assert found["outer"]["resource"] == {"service.name": "app"}
    assert found["inner"]["parent_span_id"] == found["outer"]["span_id"] == f"{outer.get_span_context().span_id:016x}"
    assert (found["inner"]["status"], found["inner"]["status_message"]) == (2, "why")
    assert found["inner"]["events"] == [{"name": "happened", "attributes": {"c": 1.5}}]
    assert receiver.records() == []


def test_metrics_are_kept_with_their_attributes(receiver: Receiver) -> None:
    provider = MeterProvider([PeriodicExportingMetricReader(metrics_to(receiver))], Resource({"service.name": "app"}))
    meter = provider.get_meter("app")
    meter.create_counter("calls", "1").add(1, {"tool": "echo"})
    meter.create_histogram("duration", "s").record(0.5)
    provider.shutdown()
    found = {metric["name"]: metric for metric in receiver.metrics()}
    assert found["calls"]["points"] == [{"tool": "echo"}]
    assert (found["duration"]["kind"], found["duration"]["unit"]) == ("histogram", "s")


@pytest.mark.parametrize("name", ["400:bad index", "poison:echo", "partial:echo", "max:10"])
def test_a_behaviour_by_name_refuses(receiver: Receiver, name: str) -> None:
    receiver.behave(by_name(name))
    ((_, sink),) = resolve(receiver.address, {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"})
    with pytest.raises(Refused):
        sink.write(records(1))
    sink.close()
    assert receiver.records() == []


def test_a_store_is_added_to_by_the_next_receiver(tmp_path: Path) -> None:
    store = tmp_path / "received.jsonl"
    for count in (1, 2):
        with HttpReceiver(store=store) as receiver:
            ((_, sink),) = resolve(receiver.address, {})
            sink.write(records(1))
            sink.close()
            assert len(receiver.records()) == count
