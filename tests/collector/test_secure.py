"""Who may send, who is said to have sent, and whose records reach whose destination."""

import http.client
import ssl
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.collector import archive
from tests.collector.collector import Collector
from tests.collector.trust import ACME, GLOBEX, Trust, https
from tests.integration import trail
from tests.integration.process import eventually, exporting, scenes_server
from tests.receivers import HecReceiver
from tests.scenes import scenes
from tests.scenes.accounts import ALICE, BOB
from tests.scenes.http_wire import HttpWire
from tests.scenes.log import ClientLog
from tests.scenes.reconcile import journal_lines, received_lines

SCENES: Final = scenes.ordinary("framework")


class Secured(NamedTuple):
    """A Collector for many tenants; what each sender's clients know; acme's Splunk."""

    trust: Trust
    collector: Collector
    splunk: HecReceiver
    logs: dict[str, ClientLog]
    journals: Path

    def kept(self, sender: str) -> list[bytes]:
        """The lines of a sender's journal."""
        return [line.rstrip(b"\n") for line in journal_lines(self.journals / sender)]


def play(port: int) -> ClientLog:
    log = ClientLog()
    for account in (ALICE, BOB):
        wire = HttpWire(port, account.user, account, log, "legacy")
        wire.connect()
        for scene in SCENES:
            wire.call(scene)
    return log


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secure")
    trust = Trust(folder / "ca")
    with HecReceiver() as splunk:
        variables = {**trust.collectors(), "ACME_HEC_URL": splunk.url, "ACME_HEC_TOKEN": "token-of-acme"}
        with Collector(folder / "collector", "base", "secure", "tenants", **variables) as collector:
            logs: dict[str, ClientLog] = {}
            for sender, protocol in ((ACME, "grpc"), (GLOBEX, "http/protobuf")):
                endpoint = https(collector, grpc=protocol == "grpc")
                changes = {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, **trust.senders(sender)}
                with scenes_server(exporting(folder / "journals" / sender, endpoint, **changes), "http") as server:
                    logs[sender] = play(server.port())
                    server.terminate()
                    assert "xport" not in server.stderr.text
            secured = Secured(trust, collector, splunk, logs, folder / "journals")
            sent = len(secured.kept(ACME)) + len(secured.kept(GLOBEX))
            eventually(lambda: len(archive.records(collector.archive)) >= sent, "all records arrive")
            acmes = sum(made.identity.tenant == "acme" for made in logs[ACME].made)
            eventually(lambda: len(splunk.records()) >= acmes, "acme's records arrive")
            yield secured


def test_every_call_of_every_sender_has_its_record_in_the_archive(secured: Secured) -> None:
    records = archive.records(secured.collector.archive)
    for sender, log in secured.logs.items():
        own = [record for record in records if record["resource"]["mcp_audit.sender.id"] == sender]
        trail.assert_complete(log, received_lines(own))
        assert sorted(received_lines(own)) == sorted(secured.kept(sender))


def test_acmes_splunk_has_acmes_records_from_acmes_sender_and_no_other(secured: Secured) -> None:
    wanted = {made.key for made in secured.logs[ACME].made if made.identity.tenant == "acme"}
    found = secured.splunk.records()
    assert {record["attributes"]["mcp_audit.request.id"] for record in found} == wanted
    assert {record["attributes"]["mcp_audit.sender.id"] for record in found} == {ACME}
    assert {record["resource"]["index"] for record in found} == {"mcp_audit_acme"}
    assert secured.splunk.tokens == {"Splunk token-of-acme"}


def test_what_is_nobodys_is_in_quarantine_and_nothing_else_is(secured: Secured) -> None:
    everything = {record["body"] for record in archive.records(secured.collector.archive)}
    acmes = {record["body"] for record in secured.splunk.records()}
    quarantined = [record["body"] for record in archive.held(secured.collector.archive, "quarantine*.jsonl")]
    assert sorted(quarantined) == sorted(everything - acmes)


def _attempt(secured: Secured, context: ssl.SSLContext, authorization: str | None) -> int:
    _, _, port = secured.collector.endpoint.rpartition(":")
    connection = http.client.HTTPSConnection("localhost", int(port), context=context, timeout=10)
    headers = {"Content-Type": "application/x-protobuf"} | ({"Authorization": authorization} if authorization else {})
    try:
        connection.request("POST", "/v1/logs", b"", headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_with_certificate_and_password_a_sender_is_let_in(secured: Secured) -> None:
    context = secured.trust.client(ACME, ssl.TLSVersion.TLSv1_3)
    assert _attempt(secured, context, secured.trust.authorization(ACME)) == 200


@pytest.mark.parametrize("password", [None, "Basic " + b64encode(b"acme-mcp:guess").decode()], ids=["none", "wrong"])
def test_without_the_password_a_sender_is_refused(secured: Secured, password: str | None) -> None:
    assert _attempt(secured, secured.trust.client(ACME, ssl.TLSVersion.TLSv1_3), password) == 401


@pytest.mark.parametrize(
    ("sender", "version"),
    [(None, ssl.TLSVersion.TLSv1_3), (ACME, ssl.TLSVersion.TLSv1_2)],
    ids=["no certificate", "an older TLS"],
)
def test_without_a_certificate_or_with_an_older_tls_nobody_is_heard(
    secured: Secured, sender: str | None, version: ssl.TLSVersion
) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        _attempt(secured, secured.trust.client(sender, version), secured.trust.authorization(ACME))


def test_a_plain_request_is_refused(secured: Secured) -> None:
    connection = http.client.HTTPConnection("localhost", int(secured.collector.endpoint.rpartition(":")[2]), timeout=10)
    connection.request("POST", "/v1/logs", b"", {"Authorization": secured.trust.authorization(ACME)})
    assert connection.getresponse().status == 400
    connection.close()
