"""Records as OTLP bytes: what the official encoder writes, field by field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk.trace import TracerProvider

from otel_mcp_audit.errors import Refused
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.sinks import otlp_wire
from tests.receivers.store import logs
from tests.sinks.lines import HEX, event, records, sealed
from tests.sinks.official import readable

START = 1_795_516_200_250_000_000
"""2026-11-24T10:30:00.25Z."""


def request_of(batch: list[AuditRecord]) -> ExportLogsServiceRequest:
    return ExportLogsServiceRequest.FromString(otlp_wire.encoded(batch))


def encoded(batch: list[AuditRecord]) -> list[dict[str, Any]]:
    return logs(request_of(batch))


def test_the_body_is_the_line_and_the_context_is_the_calls_span() -> None:
    record = sealed(event(tool="über\u2028\U0001f600"))
    (log,) = encoded([record])
    assert log["body"] == record.line.decode()
    assert (log["trace_id"], log["span_id"]) == (HEX, HEX[:16])
    assert log["event_name"] == "mcp_audit.tool_call"
    assert log["scope"] == "otel_mcp_audit"
    assert (log["severity_number"], log["severity_text"]) == (9, "INFO")
    assert log["resource"] == {"service.name": "records"}


def test_it_happened_at_the_calls_start_and_was_observed_at_its_end() -> None:
    (log,) = encoded(records())
    assert log["timestamp"] == START
    assert log["observed_timestamp"] == START + 1_500_000


def test_a_record_without_a_span_does_not_take_the_one_that_is_open_here() -> None:
    alone = event()
    alone.request.trace_id = alone.request.span_id = None
    with trace.use_span(TracerProvider().get_tracer("app").start_span("app")):
        (log,) = encoded([sealed(alone)])
    assert log["trace_id"] == log["span_id"] == ""


def test_no_attribute_limit_of_the_process_applies(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"):
        monkeypatch.setenv(limit, "2")
        monkeypatch.setenv(limit.replace("OTEL_", "OTEL_LOGRECORD_"), "2")
    (log,) = encoded(records())
    attributes = log["attributes"]
    assert attributes["log.record.uid"] == records()[0].id
    assert attributes["user.roles"] == ["clerk", "auditor"]
    assert len(attributes) > 20


def test_records_of_different_streams_stand_under_their_own_resource() -> None:
    # Equal Resources are one, also where they are told apart as objects.
    batch = [sealed(event(number), number + 1, {"service.name": f"s{number % 2}"}) for number in range(4)]
    request = request_of(batch)
    assert len(request.resource_logs) == 2
    assert [log["resource"] for log in logs(request)] == [{"service.name": name} for name in ("s0", "s0", "s1", "s1")]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(
    tool=texts,
    resource=texts,
    roles=st.lists(texts, max_size=3),
    duration=st.integers(0, 2**53 - 1),
    seq=st.integers(1, 2**53 - 1),
    phi=st.booleans(),
)
def test_every_byte_means_what_the_official_encoder_means(
    *, tool: str, resource: str, roles: list[str], duration: int, seq: int, phi: bool
) -> None:
    told = event(tool=tool)
    told.user = structs.replace(told.user, roles=roles)
    told.response.duration_us, told.phi = duration, phi
    record = sealed(told, seq, {"service.name": resource})
    assert request_of([record]) == encode_logs(readable([record]))


def test_a_line_that_cannot_be_projected_is_refused_and_nothing_is_sent() -> None:
    told = event()
    told.timestamp = "yesterday"
    with pytest.raises(Refused, match="cannot be encoded"):
        otlp_wire.encoded([sealed(told)])
