"""The journal's sender before a real Collector that refuses, or that passes on how its destination refuses.

In hold mode (``AUDIT_QUEUE=false``) what the sender hears is the destination's own answer, as the Collector tells it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from otel_mcp_audit import Auditor, Settings, annotate
from tests.collector import archive, journals
from tests.collector.collector import Collector
from tests.collector.test_answers import OTLP, quick, to
from tests.integration.process import Process, eventually
from tests.receivers import Behaviour, HttpReceiver, hang, ok, poison, status

HTTP: Final = "http/protobuf"
GRPC: Final = "grpc"
CALLS: Final = 20
OTLP_HTTP_MAX: Final = "receivers.otlp.protocols.http.max_request_body_size"
OTLP_GRPC_MAX: Final = "receivers.otlp.protocols.grpc.max_recv_msg_size_mib"


def leave_large(folder: Path, calls: int) -> list[bytes]:
    """A stream of records of nearly the 16 KiB that a line may have; answers all lines of the journal."""
    auditor = Auditor(Settings(dir=str(folder), sinks="none"))
    for _ in range(calls):
        with auditor.call("tool", {}):
            for number in range(14):
                annotate(resource=f"{number}:{'x' * 1000}")
    auditor.close()
    return journals.lines(folder)


def shipping(folder: Path, collector: Collector, protocol: str) -> Process:
    return journals.shipping(folder, collector.grpc if protocol == GRPC else collector.endpoint, protocol)


def shipped(sender: Process) -> dict[str, Any]:
    """What ``ship`` counted, once it has ended with nothing pending."""
    assert sender.ended() == 0, sender.stderr.text
    return json.loads(sender.stdout.text)


@pytest.mark.parametrize(("protocol", "limit"), [(HTTP, 60_000), (GRPC, 1_048_576)], ids=["400", "RESOURCE_EXHAUSTED"])
def test_a_request_over_the_receivers_size_is_sent_in_smaller_ones(tmp_path: Path, protocol: str, limit: int) -> None:
    lines = leave_large(tmp_path / "journal", 100)
    sets = [f"{OTLP_HTTP_MAX}=60000", f"{OTLP_GRPC_MAX}=1"]
    with Collector(tmp_path / "collector", "base", sets=sets) as collector:
        with shipping(tmp_path / "journal", collector, protocol) as sender:
            assert shipped(sender) == {"delivered": len(lines), "pending": 0, "quarantined": 0}
        assert sorted(body.encode() for body in bodies(collector)) == sorted(lines)
        # Unrefused, a request of ours has a MiB of lines.
        assert max(sizes(collector)) < 0.9 * limit


def sizes(collector: Collector) -> list[int]:
    """Bytes of lines of each request in the archive."""
    requests = [request for request in archive.requests(collector.archive, "mcp-audit*.jsonl") if request]
    scopes = [[scope for part in request["resourceLogs"] for scope in part["scopeLogs"]] for request in requests]
    return [sum(len(r["body"]["stringValue"]) for scope in each for r in scope["logRecords"]) for each in scopes]


def bodies(collector: Collector) -> list[str]:
    return [record["body"] for record in archive.records(collector.archive)]


def test_only_a_record_over_the_receivers_size_by_itself_is_set_aside(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    small = journals.leave(journal, CALLS)
    large = set(leave_large(journal, 1)) - set(small)
    (alone,) = (line for line in large if len(line) > 10_000)
    lines = journals.lines(journal)
    with Collector(tmp_path / "collector", "base", sets=[f"{OTLP_HTTP_MAX}=10000"]) as collector:
        with shipping(journal, collector, HTTP) as sender:
            assert shipped(sender) == {"delivered": len(lines) - 1, "pending": 0, "quarantined": 1}
        assert {body.encode() for body in bodies(collector)} == set(lines) - {alone}
        (quarantine,) = journal.rglob("*.quarantine.jsonl")
        assert json.loads(alone)["event"]["id"] in quarantine.read_text(encoding="utf-8")


class Held:
    """A Collector in hold mode, and its destination."""

    def __init__(self, collector: Collector, receiver: HttpReceiver) -> None:
        self.collector = collector
        self.receiver = receiver

    def heals(self, journal: Path, protocol: str, behaviour: Behaviour, requests: int = 3) -> None:
        """While it behaves so to some requests nothing is given up; then all of it arrives."""
        lines = journals.leave(journal, CALLS)
        asked = len(self.receiver.requests)
        self.receiver.behave(behaviour)
        with shipping(journal, self.collector, protocol) as sender:
            self.receiver.wait_for_requests(asked + requests, timeout=60)
            self.receiver.behave(ok())
            assert shipped(sender) == {"delivered": len(lines), "pending": 0, "quarantined": 0}
        assert not journals.missing(lines, self.receiver.records())


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    sets = [*quick(OTLP.exporter), f"exporters.{OTLP.exporter}.timeout=1s"]
    with (
        HttpReceiver() as receiver,
        Collector(
            tmp_path_factory.mktemp("held"), "base", "otlp", sets=sets, AUDIT_QUEUE="false", **to(receiver)
        ) as collector,
    ):
        yield Held(collector, receiver)


@pytest.mark.parametrize(("code", "protocol"), [(400, HTTP), (413, HTTP), (429, GRPC), (500, GRPC)])
def test_a_destination_that_refuses_everything_is_at_fault_and_no_record_is(
    held: Held, tmp_path: Path, code: int, protocol: str
) -> None:
    held.heals(tmp_path, protocol, status(code))


def test_a_destination_that_hangs_is_given_up_by_the_collector_before_the_sender_gives_that_up(
    held: Held, tmp_path: Path
) -> None:
    held.heals(tmp_path, HTTP, hang(), requests=2)


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_the_one_record_that_a_destination_refuses_is_found_through_the_collector(
    held: Held, tmp_path: Path, protocol: str
) -> None:
    lines = journals.leave(tmp_path, CALLS)
    refused = lines[CALLS // 2]
    held.receiver.behave(poison(lambda body: body.encode() == refused))
    with shipping(tmp_path, held.collector, protocol) as sender:
        assert shipped(sender) == {"delivered": len(lines) - 1, "pending": 0, "quarantined": 1}
    assert journals.missing(lines, held.receiver.records()) == {refused}


def test_a_collector_without_memory_to_spare_is_waited_for(tmp_path: Path) -> None:
    lines = journals.leave(tmp_path / "journal", CALLS)
    sets = [f"processors.memory_limiter.{limit}" for limit in ("limit_mib=1", "spike_limit_mib=0")]
    with Collector(tmp_path / "short", "base", sets=sets) as short:
        # It looks at its memory a second after its start.
        eventually(lambda: "Refusing data" in short.log, "it is short of memory")
        with journals.shipping(tmp_path / "journal", short.endpoint) as sender:
            refused = "otelcol_processor_memory_limiter_refused_log_records"
            eventually(lambda: short.metric(refused) > 0, "it refuses records")
            assert not archive.records(short.archive)
            short.terminate()
            port = short.endpoint.rpartition(":")[2]
            with Collector(tmp_path / "ample", "base", AUDIT_HTTP_PORT=port) as ample:
                assert shipped(sender) == {"delivered": len(lines), "pending": 0, "quarantined": 0}
                assert not journals.missing(lines, archive.records(ample.archive))
