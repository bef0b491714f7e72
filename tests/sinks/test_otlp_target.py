"""The standard variables."""

import pytest

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.sinks.otlp_target import LONGEST_TIMEOUT, TIMEOUT, standard

HTTP = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({}, "grpc"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": ""}, "grpc"),
        (HTTP, "http/protobuf"),
        (HTTP | {"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc"}, "grpc"),
        ({"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "HTTP/Protobuf"}, "http/protobuf"),
    ],
)
def test_protocol(environ: dict[str, str], protocol: str) -> None:
    assert standard(environ).protocol == protocol


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({}, "http://localhost:4317"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:4317"}, "https://c:4317"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317"}, "c:4317"),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://l", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, "http://l"),
        (HTTP, "http://localhost:4318/v1/logs"),
        (HTTP | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/logs"),
        (HTTP | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c/otlp"}, "http://c/otlp/v1/logs"),
        (HTTP | {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://c/as/it/is"}, "http://c/as/it/is"),
    ],
)
def test_endpoint(environ: dict[str, str], endpoint: str) -> None:
    assert standard(environ).endpoint == endpoint


CASE_006 = [
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10000"}, LONGEST_TIMEOUT),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10"}, 10),
    ({"OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "0.5"}, 0.5),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10000", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "5"}, 5),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, None),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": ""}, TIMEOUT),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "0"}, None),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "-1"}, None),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "inf"}, LONGEST_TIMEOUT),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "nan"}, None),
]


@pytest.mark.parametrize(("environ", "seconds"), CASE_006)
def test_a_timeout_written_for_another_languages_sdk_is_bounded_or_an_error(
    environ: dict[str, str], seconds: float | None
) -> None:
    if seconds is not None:
        assert standard(environ).timeout == seconds
        return
    with pytest.raises(ConfigurationError) as error:
        standard(environ)
    assert str(error.value).startswith(f"OTEL_EXPORTER_OTLP_TIMEOUT={environ['OTEL_EXPORTER_OTLP_TIMEOUT']!r}")
    assert "give seconds above 0" in str(error.value)


@pytest.mark.parametrize(
    ("environ", "compression"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "none"}, "none"),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "none", "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION": "GZIP"}, "gzip"),
        (HTTP | {"OTEL_EXPORTER_OTLP_COMPRESSION": "deflate"}, "deflate"),
    ],
)
def test_compression(environ: dict[str, str], compression: str | None) -> None:
    assert standard(environ).compression == compression


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "thrift"}, "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL='thrift'"),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "deflate"}, "OTEL_EXPORTER_OTLP_COMPRESSION='deflate'"),
        (HTTP | {"OTEL_EXPORTER_OTLP_LOGS_COMPRESSION": "br"}, "use none, gzip, deflate"),
        (HTTP | {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT='localhost:4318'"),
        (HTTP | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1"}, "is no address; write it like http://localhost:4318"),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "c:port"}, "is no address; write it like http://localhost:4317"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://u:p@"}, "OTEL_EXPORTER_OTLP_ENDPOINT='http://'"),
        (
            HTTP | {"OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": "sigv4"},
            "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER='sigv4' is not supported yet",
        ),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_with_its_value(environ: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        standard(environ)
    assert says in str(error.value)


def test_a_credential_provider_of_http_does_not_stop_grpc() -> None:
    assert standard({"OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": "sigv4"}).protocol == "grpc"
