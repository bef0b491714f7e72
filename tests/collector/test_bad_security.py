"""Certificates and passwords that cannot be used: what either side's operator sees, and nothing is lost."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from otel_mcp_audit.sinks import Unavailable, resolve
from tests.collector import archive, journals
from tests.collector.collector import Collector
from tests.collector.trust import ACME, GLOBEX, Trust, https
from tests.integration.process import eventually
from tests.sinks.lines import records

GRPC: Final = "grpc"
HTTP: Final = "http/protobuf"
CHAIN: Final = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"
KEY: Final = "OTEL_EXPORTER_OTLP_CLIENT_KEY"
CA: Final = "OTEL_EXPORTER_OTLP_CERTIFICATE"


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust(tmp_path_factory.mktemp("trust"))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """Somebody else's, of the same names."""
    return Trust(tmp_path_factory.mktemp("foreign"))


MISSING: Final = "missing.pem"
NO_PEM: Final = "htpasswd"


@pytest.mark.parametrize(
    ("variable", "file", "said"),
    [
        ("AUDIT_TLS_CERT", MISSING, f"failed to load TLS cert and key: open .*{MISSING}: no such file or directory"),
        ("AUDIT_TLS_CERT", NO_PEM, "failed to load TLS cert and key.* failed to find any PEM data in certificate"),
        ("AUDIT_TLS_KEY", f"{ACME}.key", "failed to load TLS cert and key.* private key does not match public key"),
        ("AUDIT_TLS_CLIENT_CA", MISSING, f"failed to load CA .*{MISSING}: no such file or directory"),
        ("AUDIT_TLS_CLIENT_CA", NO_PEM, f"failed to parse CA .*{NO_PEM}"),
        ("AUDIT_HTPASSWD_FILE", MISSING, f"open htpasswd file: open .*{MISSING}: no such file or directory"),
        ("AUDIT_HTPASSWD_FILE", ".", "read htpasswd content: .* is a directory"),
    ],
)
def test_what_cannot_be_used_refuses_the_start_by_name(
    trust: Trust, tmp_path: Path, variable: str, file: str, said: str
) -> None:
    variables = trust.collectors() | {variable: str(trust.folder / file)}
    collector = Collector(tmp_path, "base", "secure", **variables)
    with ExitStack() as stack:
        stack.push(collector)
        collector.begin()
        assert collector.ended() == 1
    assert re.search(said, collector.log)


class Case(NamedTuple):
    """What is wrong, and who says what about it.

    Attributes:
        protocol: of the sender.
        collector: variables of the Collector, with files of its own trust.
        sender: variables of the sender; files likewise, or ``foreign`` ones.
        sees: what the sender's operator reads.
        said: what the Collector's operator reads.
    """

    protocol: str
    collector: dict[str, str]
    sender: dict[str, str]
    sees: str
    said: str = ""


EXPIRED: Final = {"AUDIT_TLS_CERT": "server-expired.pem"}
NOBODY: Final = {"AUDIT_HTPASSWD_FILE": "nobody"}
FOREIGN: Final = {CHAIN: f"foreign {ACME}.pem", KEY: f"foreign {ACME}.key"}

CASES: Final = {
    "its certificate expired": Case(HTTP, EXPIRED, {}, "certificate has expired"),
    "its certificate expired, gRPC": Case(GRPC, EXPIRED, {}, "certificate has expired"),
    "of another CA": Case(HTTP, {}, {CA: "foreign ca.pem"}, "certificate verify failed"),
    "the sender's expired": Case(HTTP, {}, {CHAIN: f"{ACME}-expired.pem"}, "no answer", "certificate has expired"),
    "the sender's of another CA": Case(HTTP, {}, FOREIGN, "no answer", "certificate signed by unknown authority"),
    "the key of another": Case(GRPC, {}, {KEY: f"{GLOBEX}.key"}, f"{KEY}=.* are no certificate in PEM with its key"),
    "no key": Case(GRPC, {}, {KEY: ""}, f"has no key in it: set {KEY} too"),
    "no password": Case(HTTP, {}, {"OTEL_EXPORTER_OTLP_HEADERS": ""}, "HTTP 401"),
    "nobody may send": Case(GRPC, NOBODY, {}, "gRPC UNAUTHENTICATED"),
}


class World:
    """The Collectors that take nothing from somebody, each started once."""

    def __init__(self, folder: Path, trust: Trust, foreign: Trust, stack: ExitStack) -> None:
        self._folder = folder
        self._trust = trust
        self._foreign = foreign
        self._stack = stack
        self._collectors: dict[str, Collector] = {}

    def collector(self, changes: dict[str, str]) -> Collector:
        name = "-".join(changes.values()) or "sound"
        if name not in self._collectors:
            variables = {variable: str(self._trust.folder / file) for variable, file in changes.items()}
            made = Collector(self._folder / name, "base", "secure", **self._trust.collectors() | variables)
            self._collectors[name] = self._stack.enter_context(made)
        return self._collectors[name]

    def senders(self, changes: dict[str, str]) -> dict[str, str]:
        return self._trust.senders(ACME) | {name: self._file(value) for name, value in changes.items()}

    def _file(self, name: str) -> str:
        trust = self._foreign if name.startswith("foreign ") else self._trust
        return str(trust.folder / name.removeprefix("foreign ")) if name else ""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, trust: Trust, foreign: Trust) -> Iterator[World]:
    trust.expired("server")
    trust.expired(ACME)
    (trust.folder / "nobody").touch()
    with ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("world"), trust, foreign, stack)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_who_is_not_trusted_is_told_why_and_is_to_keep_its_records(
    world: World, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    collector = world.collector(case.collector)
    for variable, value in world.senders(case.sender).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", https(collector, grpc=case.protocol == GRPC))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", case.protocol)
    ((_, sink),) = resolve("otlp", os.environ)
    try:
        with pytest.raises(Unavailable, match=case.sees):
            sink.write(records(1))
    finally:
        sink.close()
    eventually(lambda: case.said in collector.log, f"the Collector says {case.said}")
    assert not archive.records(collector.archive)


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_after_a_certificate_was_renewed_what_was_kept_arrives_without_a_new_start(
    world: World, trust: Trust, tmp_path: Path, protocol: str
) -> None:
    lines = journals.leave(tmp_path / "journal", 5)
    chain = shutil.copy(trust.folder / f"{ACME}-expired.pem", tmp_path / "chain.pem")
    with Collector(tmp_path / "collector", "base", "secure", **trust.collectors()) as collector:
        endpoint = https(collector, grpc=protocol == GRPC)
        changes = world.senders({CHAIN: str(chain)})
        with journals.shipping(tmp_path / "journal", endpoint, protocol, **changes) as sender:
            eventually(lambda: "records are kept" in sender.stderr.text, "it is refused")
            shutil.copy(trust.folder / f"{ACME}.pem", chain)
            assert sender.ended() == 0, sender.stderr.text
        assert not journals.missing(lines, archive.records(collector.archive))
