"""The contract with the gRPC exporter's one private name, and the way without it."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs.export import LogRecordExportResult

from otel_mcp_audit.errors import Refused, TooLarge
from otel_mcp_audit.sinks import Unavailable
from otel_mcp_audit.sinks.otlp_grpc import GrpcClient
from otel_mcp_audit.sinks.otlp_stub import StubClient
from otel_mcp_audit.sinks.otlp_target import Target
from tests.receivers import GrpcReceiver, busy, hang, partial, refuse_all, status, too_large
from tests.sinks.conftest import Certificate
from tests.sinks.lines import event, records, sealed


@pytest.fixture
def receiver() -> Iterator[GrpcReceiver]:
    with GrpcReceiver() as receiver:
        yield receiver


def target(receiver: GrpcReceiver, timeout: float = 20) -> Target:
    return Target("grpc", receiver.endpoint, timeout, None)


def test_the_installed_exporter_asks_the_stub_that_it_keeps_in_client(receiver: GrpcReceiver) -> None:
    client = GrpcClient(target(receiver), gzip_level=1)
    assert client.without_exporter is False
    client.export(records(2))
    client.close()
    assert len(receiver.records()) == 2
    assert client.without_exporter is False, "it was the exporter that sent them"


def test_the_stub_is_heard_again_after_the_exporter_made_its_channel_anew(receiver: GrpcReceiver) -> None:
    client = GrpcClient(target(receiver), gzip_level=None)
    receiver.behave(status(503))
    for _ in range(3):
        with pytest.raises(Unavailable, match="UNAVAILABLE"):
            client.export(records(1))
    assert len(receiver.requests) == 3
    receiver.behave(partial(lambda _: True))
    with pytest.raises(Refused):
        client.export(records(1))
    client.close()


def test_an_exporter_without_the_private_name_is_gone_around(
    receiver: GrpcReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    init: Any = OTLPLogExporter.__init__

    def renamed(self: Any, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        self._renamed = self._client
        del self._client

    monkeypatch.setattr(OTLPLogExporter, "__init__", renamed)
    client = GrpcClient(target(receiver), gzip_level=1)
    client.export(records(2))
    client.close()
    assert len(receiver.records()) == 2
    assert client.without_exporter


def test_an_exporter_that_no_longer_uses_the_private_name_is_not_believed(
    receiver: GrpcReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blindly(_self: Any, _batch: Any) -> LogRecordExportResult:
        return LogRecordExportResult.SUCCESS

    monkeypatch.setattr(OTLPLogExporter, "export", blindly)
    client = GrpcClient(target(receiver), gzip_level=1)
    with pytest.raises(Unavailable, match="cannot be listened to"):
        client.export(records(2))
    client.export(records(2))
    client.close()
    assert len(receiver.records()) == 2


def test_a_timeout_variable_set_to_nothing_does_not_stop_it(
    receiver: GrpcReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "")
    client = GrpcClient(target(receiver), gzip_level=1)
    client.export(records(1))
    client.close()
    assert len(receiver.records()) == 1


@pytest.mark.parametrize(
    ("behaviour", "raised"),
    [
        (refuse_all(400), Refused),
        (partial(lambda _: True), Refused),
        (too_large(1, grpc="RESOURCE_EXHAUSTED"), TooLarge),
        (status(503), Unavailable),
        (busy(3), Unavailable),
        (hang(), Unavailable),
    ],
)
def test_the_way_without_tells_the_same(receiver: GrpcReceiver, behaviour: Any, raised: type[Exception]) -> None:
    client = StubClient(target(receiver, 0.5), gzip_level=1)
    receiver.behave(behaviour)
    with pytest.raises(raised):
        client.export(records(2))
    assert len(receiver.requests) == 1
    client.close()


@pytest.mark.parametrize("header", ["x-access=hunter%0A2", "x-access-bin=hunter"])
@pytest.mark.parametrize("client_type", [GrpcClient, StubClient])
def test_a_header_that_cannot_be_sent_is_neither_shown_nor_a_records_fault(
    client_type: type[GrpcClient] | type[StubClient],
    header: str,
    receiver: GrpcReceiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", header)
    client = client_type(target(receiver), gzip_level=1)
    with pytest.raises(Unavailable, match="see OTEL_EXPORTER_OTLP_HEADERS") as error:
        client.export(records(1))
    assert "hunter" not in str(error.value)
    client.close()
    assert receiver.requests == []


def test_the_way_without_refuses_what_cannot_be_projected(receiver: GrpcReceiver) -> None:
    foreign = event()
    foreign.timestamp = "yesterday"
    client = StubClient(target(receiver), gzip_level=1)
    with pytest.raises(Refused, match="cannot be encoded"):
        client.export([sealed(foreign)])
    client.close()
    assert receiver.requests == []


def test_the_way_without_sends_what_the_exporter_would_have_sent(
    receiver: GrpcReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=acme")
    official, stub = GrpcClient(target(receiver), gzip_level=1), StubClient(target(receiver), gzip_level=1)
    sent: list[Any] = []
    for client in (official, stub):
        client.export(records(3))
        sent.append((receiver.metadata["x-tenant"], receiver.requests[-1].records))
        client.close()
    assert sent[0] == sent[1]


@pytest.mark.parametrize("client_type", [GrpcClient, StubClient])
def test_tls_with_the_standard_certificate_variable(
    client_type: type[GrpcClient] | type[StubClient], certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = grpc.ssl_server_credentials([(certificate.key.read_bytes(), certificate.chain.read_bytes())])
    with GrpcReceiver(credentials=credentials) as receiver:
        endpoint = f"https://localhost:{receiver.port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(certificate.chain))
        client = client_type(Target("grpc", endpoint, 20, None), gzip_level=1)
        client.export(records(1))
        client.close()
        assert len(receiver.records()) == 1
        monkeypatch.delenv("OTEL_EXPORTER_OTLP_CERTIFICATE")
        stranger = client_type(Target("grpc", endpoint, 5, None), gzip_level=1)
        with pytest.raises(Unavailable):
            stranger.export(records(1))
        stranger.close()


def test_the_way_without_is_as_insecure_as_the_variable_says(
    receiver: GrpcReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"127.0.0.1:{receiver.port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_INSECURE", "true")
    plain = StubClient(Target("grpc", address, 20, None), gzip_level=None)
    plain.export(records(1))
    plain.close()
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_INSECURE")
    secure = StubClient(Target("grpc", address, 2, None), gzip_level=None)
    with pytest.raises(Unavailable):
        secure.export(records(1))
    secure.close()
