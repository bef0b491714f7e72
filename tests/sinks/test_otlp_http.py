"""What only HTTP has: TLS by requests, proxies, and answers of any length."""

import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from otel_mcp_audit.sinks import Unavailable
from otel_mcp_audit.sinks.otlp_http import HttpClient
from otel_mcp_audit.sinks.otlp_target import Target
from tests.receivers import HttpReceiver, Wire, garbage
from tests.sinks.conftest import Certificate
from tests.sinks.lines import records


@contextmanager
def client(endpoint: str, timeout: float = 20) -> Generator[HttpClient]:
    made = HttpClient(Target("http/protobuf", f"{endpoint}/v1/logs", timeout, None), gzip_level=1)
    yield made
    made.close()


@pytest.fixture
def secure(certificate: Certificate) -> Iterator[HttpReceiver]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.chain, certificate.key)
    with HttpReceiver(tls=tls) as receiver:
        yield receiver


def test_tls_with_the_standard_certificate_variable(
    secure: HttpReceiver, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(certificate.chain))
    with client(f"https://localhost:{secure.port}") as trusting:
        trusting.export(records(1))
        trusting.export(records(1))
    assert len(secure.records()) == 2


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    secure: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "")
    with client(f"https://localhost:{secure.port}") as stranger, pytest.raises(Unavailable, match="CERTIFICATE_VERIFY"):
        stranger.export(records(1))
    assert secure.records() == []


def test_an_answer_over_tls_is_bounded_in_time_and_must_be_whole_too(
    secure: HttpReceiver, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(certificate.chain))
    with Wire(secure.port) as wire, client(f"https://localhost:{wire.port}", 1) as crawling:
        crawling.export(records(1))
        whole = wire.answered
        # The handshake went through; now only the answer crawls.
        wire.pause = 0.3
        with pytest.raises(Unavailable):
            crawling.export(records(1))
        wire.pause = 0
        for cut in range(whole - 200, whole, 30):
            wire.cut_after = cut
            with pytest.raises(Unavailable):
                crawling.export(records(1))


def test_a_proxy_is_used_and_bounded_like_the_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpReceiver() as proxy, Wire(proxy.port) as wire:
        monkeypatch.setenv("HTTP_PROXY", wire.endpoint)
        monkeypatch.setenv("http_proxy", wire.endpoint)
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(variable, raising=False)
        with client("http://collector.invalid:4318", 1) as behind:
            behind.export(records(2))
            assert len(proxy.records()) == 2
            wire.pause = 0.3
            with pytest.raises(Unavailable):
                behind.export(records(1))


def test_one_connection_serves_many_requests() -> None:
    with HttpReceiver() as receiver, Wire(receiver.port) as wire, client(wire.endpoint) as steady:
        for _ in range(5):
            steady.export(records(1))
        assert wire.connections == 1


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    endless = garbage(b"x" * 10_000_000, "application/x-protobuf")
    refused = pytest.raises(Unavailable, match="too long")
    with HttpReceiver(behaviour=endless) as receiver, client(receiver.endpoint) as patient, refused:
        patient.export(records(1))


def test_an_address_that_leads_nowhere_is_named_without_its_password_and_path() -> None:
    with client("http://audit:hunter2@nowhere.invalid:4318", 5) as lost, pytest.raises(Unavailable) as error:
        lost.export(records(1))
    assert "no answer from nowhere.invalid:4318" in str(error.value)
    assert "hunter2" not in str(error.value)
    assert "v1/logs" not in str(error.value)
