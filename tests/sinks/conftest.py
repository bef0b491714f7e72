"""Receivers, the sinks that lead to them, and a certificate for loopback."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from otel_mcp_audit.sinks import Sink, resolve
from tests.receivers import GrpcReceiver, HttpReceiver

Receiver = HttpReceiver | GrpcReceiver
Make = Callable[..., Sink]

_PROTOCOLS = {"http": "http/protobuf", "grpc": "grpc"}


@pytest.fixture(params=[HttpReceiver, GrpcReceiver], ids=["http", "grpc"])
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    """One of each."""
    with request.param() as receiver:
        yield receiver


@pytest.fixture
def http() -> Iterator[HttpReceiver]:
    """Over HTTP only."""
    with HttpReceiver() as receiver:
        yield receiver


@pytest.fixture
def sinks() -> Iterator[Make]:
    """Makes OTLP sinks by the standard variables, and closes them."""
    made: list[Sink] = []

    def make(receiver: Receiver, endpoint: str = "", **environ: str) -> Sink:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint or receiver.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": _PROTOCOLS[receiver.scheme],
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "20",
        }
        ((_, sink),) = resolve("otlp", variables | environ)
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()


class Certificate(NamedTuple):
    """PEM files of a self-signed certificate for localhost."""

    key: Path
    chain: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Made anew, by the openssl program."""
    folder = tmp_path_factory.mktemp("tls")
    made = Certificate(folder / "key.pem", folder / "cert.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", str(made.key), "-out", str(made.chain)], check=True, capture_output=True)
    return made
