"""Certificates that cannot be used: named with what is wrong, kept for later, and never the end of the process."""

import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from otel_mcp_audit.sinks import Unavailable
from otel_mcp_audit.sinks.otlp import OtlpSink
from otel_mcp_audit.sinks.otlp_grpc import GrpcClient
from otel_mcp_audit.sinks.otlp_http import HttpClient
from otel_mcp_audit.sinks.otlp_stub import StubClient
from otel_mcp_audit.sinks.otlp_target import Target
from tests.receivers import GrpcReceiver, HttpReceiver, ok, status
from tests.receivers.receiver import Receiver
from tests.sinks.conftest import Certificate
from tests.sinks.lines import records

CA: Final = "OTEL_EXPORTER_OTLP_CERTIFICATE"
KEY: Final = "OTEL_EXPORTER_OTLP_CLIENT_KEY"
CHAIN: Final = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"


@pytest.fixture
def http(certificate: Certificate) -> Iterator[HttpReceiver]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.chain, certificate.key)
    tls.load_verify_locations(certificate.chain)
    tls.verify_mode = ssl.CERT_REQUIRED
    with HttpReceiver(tls=tls) as receiver:
        yield receiver


@pytest.fixture
def rpc(certificate: Certificate) -> Iterator[GrpcReceiver]:
    chain = certificate.chain.read_bytes()
    pair = [(certificate.key.read_bytes(), chain)]
    credentials = grpc.ssl_server_credentials(pair, root_certificates=chain, require_client_auth=True)
    with GrpcReceiver(credentials=credentials) as receiver:
        yield receiver


@pytest.fixture(params=[HttpClient, GrpcClient, StubClient])
def sending(request: pytest.FixtureRequest) -> tuple[Any, Receiver]:
    """A client's type and a receiver that asks for the sender's certificate."""
    return request.param, request.getfixturevalue("http" if request.param is HttpClient else "rpc")


def send(sending: tuple[Any, Receiver]) -> None:
    client_type, receiver = sending
    protocol = "http/protobuf" if client_type is HttpClient else "grpc"
    path = "/v1/logs" if client_type is HttpClient else ""
    client = client_type(Target(protocol, f"https://localhost:{receiver.port}{path}", 20, None), gzip_level=1)
    try:
        client.export(records(1))
    finally:
        client.close()


@pytest.fixture
def files(certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies that a test may spoil, named by the variables."""
    for variable, file in ((CA, certificate.chain), (CHAIN, certificate.chain), (KEY, certificate.key)):
        monkeypatch.setenv(variable, str(shutil.copy(file, tmp_path / variable)))
    return tmp_path


@pytest.mark.usefixtures("files")
def test_a_sender_shows_its_certificate(sending: tuple[Any, Receiver]) -> None:
    send(sending)
    assert len(sending[1].records()) == 1


def test_key_and_certificate_may_stand_in_one_file(
    sending: tuple[Any, Receiver], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / CHAIN).write_bytes((files / CHAIN).read_bytes() + (files / KEY).read_bytes())
    monkeypatch.delenv(KEY)
    send(sending)
    assert len(sending[1].records()) == 1


@pytest.mark.parametrize("variable", [CA, CHAIN, KEY])
@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read: No such file or directory"), (b"", "PEM"), (b"garbage", "PEM")],
    ids=["missing", "empty", "garbage"],
)
def test_an_unusable_file_is_named_with_its_variable(
    sending: tuple[Any, Receiver], files: Path, variable: str, content: bytes | None, said: str
) -> None:
    (files / variable).unlink()
    if content is not None:
        (files / variable).write_bytes(content)
    with pytest.raises(Unavailable, match=f"{variable}={files / variable} .*{said}"):
        send(sending)
    assert sending[1].requests == []


@pytest.mark.parametrize(("unset", "named"), [(KEY, CHAIN), (CHAIN, KEY)])
def test_half_a_pair_is_told_what_it_lacks(
    sending: tuple[Any, Receiver], files: Path, monkeypatch: pytest.MonkeyPatch, unset: str, named: str
) -> None:
    monkeypatch.delenv(unset)
    unused = sending[0] is HttpClient and unset == CHAIN  # to HTTP a key alone is none
    said = "no answer from localhost" if unused else f"{named}={files / named} .*: set {unset} too"
    with pytest.raises(Unavailable, match=said):
        send(sending)


def test_an_encrypted_key_is_no_question_to_the_terminal(sending: tuple[Any, Receiver], files: Path) -> None:
    packing = ["openssl", "ec", "-in", files / KEY, "-out", files / "packed", "-aes256", "-passout", "pass:secret"]
    subprocess.run(packing, check=True, capture_output=True)
    (files / "packed").replace(files / KEY)
    with pytest.raises(Unavailable, match="encrypted"):
        send(sending)


def test_a_file_that_is_away_for_a_while_is_read_when_it_is_back(rpc: GrpcReceiver, files: Path) -> None:
    sink = OtlpSink(Target("grpc", f"https://localhost:{rpc.port}", 20, None))

    def attempt_without_key() -> None:
        key = (files / KEY).rename(files / "away")
        with pytest.raises(Unavailable, match=f"{KEY}=.* cannot be read"):
            sink.write(records(1))
        key.rename(files / KEY)

    attempt_without_key()
    rpc.behave(status(503))
    with pytest.raises(Unavailable, match="UNAVAILABLE"):
        sink.write(records(1))
    attempt_without_key()
    rpc.behave(ok())
    sink.write(records(1))
    sink.close()
    assert len(rpc.records()) == 1


@pytest.mark.parametrize("unset", [KEY, CHAIN])
def test_half_a_pair_does_not_end_the_process(files: Path, monkeypatch: pytest.MonkeyPatch, unset: str) -> None:
    """Handed on, it would: gRPC aborts."""
    monkeypatch.delenv(unset)
    code = (
        "from otel_mcp_audit.sinks.otlp_stub import credentials\n"
        "from otel_mcp_audit.sinks import Unavailable\n"
        "try:\n    credentials()\nexcept Unavailable as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert unset in done.stdout


SEND: Final = """
import sys
from otel_mcp_audit.sinks.otlp_grpc import GrpcClient
from otel_mcp_audit.sinks.otlp_target import Target
client = GrpcClient(Target("grpc", sys.argv[1], 20, None), gzip_level=1)
client.export(())
client.close()
"""

PROVIDER: Final = """
import os
from pathlib import Path
import grpc
def provide():
    return grpc.ssl_channel_credentials(Path(os.environ["VOUCHING"]).read_bytes())
"""


def test_a_credential_provider_is_left_to_the_exporter(certificate: Certificate, tmp_path: Path) -> None:
    """Of a distribution that is really installed, in a process that has not looked at what is installed yet."""
    info = tmp_path / "vouching-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vouching\nVersion: 1.0\n", encoding="utf-8")
    entry = "[opentelemetry_otlp_credential_provider]\nvouching = vouching:provide\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    (tmp_path / "vouching.py").write_text(PROVIDER, encoding="utf-8")
    environ = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
        "OTEL_PYTHON_EXPORTER_OTLP_GRPC_CREDENTIAL_PROVIDER": "vouching",
        "VOUCHING": str(certificate.chain),
    }
    pair = [(certificate.key.read_bytes(), certificate.chain.read_bytes())]
    with GrpcReceiver(credentials=grpc.ssl_server_credentials(pair)) as receiver:
        line = [sys.executable, "-c", SEND, f"https://localhost:{receiver.port}"]
        done = subprocess.run(line, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, len(receiver.requests)) == (0, 1), done.stderr
