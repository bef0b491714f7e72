"""The five rules of where the trail goes, in their order."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.sdk._logs import LoggerProvider

from otel_mcp_audit.sinks import delivered, in_line, resolve
from otel_mcp_audit.sinks import otel as otel_sink
from otel_mcp_audit.sinks.otlp import OtlpSink
from tests.sinks.globally import set_globally

EXPLICIT: Final = "console"
GIVEN: Final = NoOpLoggerProvider()


@pytest.fixture(scope="module")
def provider() -> Iterator[LoggerProvider]:
    provider = LoggerProvider(shutdown_on_exit=False)
    with set_globally(provider):
        yield provider


def names(spec: Any, environ: Mapping[str, str], given: object = None) -> list[str]:
    return [name for name, _ in resolve(spec, environ, given)]


@given(
    explicit=st.booleans(),
    passed=st.booleans(),
    config_file=st.booleans(),
    in_code=st.booleans(),
    exporter=st.sampled_from(["", "none", "console", "otlp"]),
    endpoint=st.sampled_from(["", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"]),
)
def test_the_first_rule_that_fits_wins_whatever_else_is_set(
    *, explicit: bool, passed: bool, config_file: bool, in_code: bool, exporter: str, endpoint: str
) -> None:
    environ = {"OTEL_LOGS_EXPORTER": exporter, "OTEL_CONFIG_FILE": "otel.yaml" if config_file else ""}
    if endpoint:
        environ[endpoint] = "http://127.0.0.1:4318"
    if explicit:
        expected = ["console", "otel"] if passed else ["console"]
    elif passed or config_file or (in_code and not exporter and not endpoint):
        expected = ["otel"]
    else:
        expected = {"": ["otlp"], "none": []}.get(exporter, [exporter])
    with set_globally(LoggerProvider(shutdown_on_exit=False) if in_code else None):
        assert names(EXPLICIT if explicit else None, environ, GIVEN if passed else None) == expected


def test_a_provider_that_does_nothing_is_none(provider: LoggerProvider) -> None:
    assert otel_sink.provider_in_code() is provider
    with set_globally(NoOpLoggerProvider()):
        assert names(None, {}) == ["otlp"]
    with set_globally(None):
        assert names(None, {}) == ["otlp"]


def test_the_given_provider_is_the_one_that_the_word_otel_means(provider: LoggerProvider) -> None:
    given = LoggerProvider(shutdown_on_exit=False)
    found = resolve("otel,otlp", {}, given)
    assert [name for name, _ in found] == ["otlp", "otel"]
    assert found[-1].sink._provider() is given  # type: ignore[attr-defined]  # pyright: ignore
    assert provider is not given


@pytest.mark.parametrize("said", ["true", " TRUE "])
def test_with_the_sdk_disabled_no_rule_leads_anywhere_but_to_the_console(said: str, provider: LoggerProvider) -> None:
    off = {"OTEL_SDK_DISABLED": said}
    assert names(None, off) == []
    assert names(None, {**off, "OTEL_CONFIG_FILE": "otel.yaml"}) == []
    assert names(None, off, provider) == []
    assert names("otlp,otlp_proto_http,otlp+http://c:1,otel,console", off) == ["console"]
    assert names("none", off) == []


def test_only_otel_is_handed_records_in_line() -> None:
    found = resolve("otlp,otel,console", {})
    assert [name for name, _ in in_line(found)] == ["otel"]
    assert [name for name, _ in delivered(found)] == ["otlp", "console"]


@pytest.mark.parametrize(
    ("text", "protocol", "port"), [("otlp_proto_http", "http/protobuf", 4318), ("otlp_proto_grpc", "grpc", 4317)]
)
def test_the_official_exporters_by_their_own_names_are_ours_with_that_protocol(
    text: str, protocol: str, port: int
) -> None:
    other = "grpc" if port == 4318 else "http/protobuf"
    ((name, sink),) = resolve(None, {"OTEL_LOGS_EXPORTER": text, "OTEL_EXPORTER_OTLP_PROTOCOL": other})
    assert name == text
    assert isinstance(sink, OtlpSink)
    assert sink.target.protocol == protocol
    assert f":{port}" in sink.target.endpoint
