"""Texts become sinks."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.sinks import FunctionSink, Sink, resolve
from otel_mcp_audit.sinks.otlp import OtlpSink
from tests.sinks.lines import records


class Store:
    """A class sink."""

    def write(self, records: Sequence[AuditRecord]) -> None:
        """Take all."""

    def close(self) -> None:
        """Nothing to close."""


def names(spec: Any, **environ: str) -> list[str]:
    return [name for name, _ in resolve(spec, environ)]


def otlp(sink: Sink) -> OtlpSink:
    assert isinstance(sink, OtlpSink)
    return sink


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, ["otlp"]),
        ({"OTEL_LOGS_EXPORTER": ""}, ["otlp"]),
        ({"OTEL_LOGS_EXPORTER": "otlp"}, ["otlp"]),
        ({"OTEL_LOGS_EXPORTER": "none"}, []),
        ({"OTEL_LOGS_EXPORTER": " otlp , console "}, ["otlp", "console"]),
    ],
)
def test_without_a_word_the_trail_goes_where_the_processs_logs_go(environ: dict[str, str], found: list[str]) -> None:
    assert names(None, **environ) == found


@pytest.mark.parametrize(
    ("said", "found"), [("true", ["console"]), (" TRUE ", ["console"]), ("false", None), ("", None)]
)
def test_a_disabled_sdk_sends_nothing_and_prints_on(said: str, found: list[str] | None) -> None:
    spec = "otlp,console,otlp+http://c:1"
    assert names(spec, OTEL_SDK_DISABLED=said) == (found or ["otlp", "console", "otlp+http://c:1"])


def test_an_explicit_sink_wins_over_the_general_variable() -> None:
    assert names("console", OTEL_LOGS_EXPORTER="otlp") == ["console"]
    assert names("none", OTEL_LOGS_EXPORTER="otlp") == []
    assert names([]) == []


def test_a_list_may_mix_texts_sinks_classes_and_functions() -> None:
    def written(_: Sequence[AuditRecord]) -> None: ...

    found = resolve(["otlp,console", Store(), Store, written, "otlp+http://c:4318"], {})
    here = "tests.sinks.test_route"
    assert [name for name, _ in found] == [
        "otlp",
        "console",
        f"{here}:Store",
        f"{here}:Store#2",
        f"{here}:test_a_list_may_mix_texts_sinks_classes_and_functions.<locals>.written",
        "otlp+http://c:4318",
    ]
    assert all(isinstance(sink, Sink) for _, sink in found)


def test_a_text_given_twice_is_one_sink() -> None:
    assert names("otlp,otlp,otlp+http://c:1,otlp+http://c:1,otlp+http://c:2") == [
        "otlp",
        "otlp+http://c:1",
        "otlp+http://c:2",
    ]


def test_a_function_is_called_like_write_and_its_exception_is_its_answer() -> None:
    got: list[str] = []

    def written(batch: Sequence[AuditRecord]) -> None:
        got.extend(record.id for record in batch)
        raise ZeroDivisionError

    sink = FunctionSink(written)
    with pytest.raises(ZeroDivisionError):
        sink.write(records(2))
    assert len(got) == 2
    sink.close()


@pytest.mark.parametrize(
    ("spec", "environ", "says"),
    [
        (
            "splunk",
            {},
            ["OTEL_MCP_AUDIT_SINKS='splunk'", "no exporter of that name", "console, none, otel, otlp", "install"],
        ),
        ("postgresql://audit:hunter2@db/x", {}, ["postgresql://db/x", "not supported yet"]),
        ("postgresql://db/x?password=hunter2", {}, ["not supported yet"]),
        ("my.module:Sink", {}, ["my.module:Sink", "not supported yet"]),
        ("file:///var/log/x", {}, ["not supported yet"]),
        (None, {"OTEL_LOGS_EXPORTER": "vendor"}, ["OTEL_LOGS_EXPORTER='vendor'", "no exporter of that name"]),
        ("none,otlp", {}, ["none stands alone"]),
        ([3], {}, ["OTEL_MCP_AUDIT_SINKS: int is no sink"]),
        ("otlp+http://", {}, ["no address", "otlp+http://collector:4318"]),
        ("otlp+http://u:hunter2@:99", {}, ["no address"]),
        ("otlp+grpc://host:99999", {}, ["no address"]),
        ("otlp", {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, ["OTEL_EXPORTER_OTLP_PROTOCOL='http/json'", "use grpc"]),
        ("otlp+http://c", {"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, ["OTEL_EXPORTER_OTLP_TIMEOUT='10s'", "seconds"]),
    ],
)
def test_what_cannot_be_used_is_named_with_the_mend_and_without_a_secret(
    spec: Any, environ: dict[str, str], says: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as error:
        resolve(spec, environ)
    for text in says:
        assert text in str(error.value)
    assert "hunter2" not in str(error.value)


async def _asynchronous(_: Sequence[AuditRecord]) -> None: ...


class _Asynchronous(Store):
    async def write(self, records: Sequence[AuditRecord]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The mistake under test."""


@pytest.mark.parametrize("spec", [_asynchronous, _Asynchronous, _Asynchronous()])
def test_an_asynchronous_sink_is_refused_before_it_swallows_records(spec: Any) -> None:
    with pytest.raises(ConfigurationError, match="asynchronous"):
        resolve([spec], {})


@pytest.mark.parametrize(
    ("text", "name", "endpoint"),
    [
        ("otlp+http://c:4318", "otlp+http://c:4318", "http://c:4318/v1/logs"),
        ("otlp+http://c:4318/", "otlp+http://c:4318", "http://c:4318/v1/logs"),
        ("otlp+http://c", "otlp+http://c", "http://c:4318/v1/logs"),
        ("otlp+https://c", "otlp+https://c", "https://c/v1/logs"),
        ("otlp+https://c:8443", "otlp+https://c:8443", "https://c:8443/v1/logs"),
        ("otlp+http://u:hunter2@c:80", "otlp+http://c:80", "http://u:hunter2@c:80/v1/logs"),
        ("otlp+grpc://c:4317", "otlp+grpc://c:4317", "http://c:4317"),
        ("otlp+grpc://u:hunter2@c", "otlp+grpc://c", "http://c:4317"),
        ("otlp+http://[::1]:4318", "otlp+http://[::1]:4318", "http://[::1]:4318/v1/logs"),
    ],
)
def test_an_address_of_its_own_and_its_name(text: str, name: str, endpoint: str) -> None:
    ((found, sink),) = resolve(text, {})
    assert found == name
    assert otlp(sink).target.endpoint == endpoint


def test_a_path_is_used_as_it_is_and_shown_only_as_a_fingerprint() -> None:
    ((name, sink),) = resolve("otlp+https://collect.example/receiver/v1/SECRET?token=SECRET", {})
    assert otlp(sink).target.endpoint == "https://collect.example/receiver/v1/SECRET?token=SECRET"
    assert name.startswith("otlp+https://collect.example~")
    assert "SECRET" not in name
    assert names("otlp+https://collect.example/receiver/v1/OTHER") != [name]


def test_resolving_imports_neither_exporter_nor_network_and_starts_nothing() -> None:
    program = (
        "import sys, threading; from otel_mcp_audit.sinks import resolve;"
        "resolve('otlp,console,otlp+http://c:1,otlp+grpc://c:2', {});"
        "loaded = {name.split('.')[0] for name in sys.modules};"
        "heavy = loaded & {'opentelemetry', 'requests', 'grpc', 'urllib3', 'google'};"
        "assert not heavy, heavy; assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
