"""A destination that is away, a queue that is full or damaged, what is too large, and an archive that a kill tore."""

import json
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final, Literal

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_mcp_audit.verify import verify
from tests.collector import archive, journals
from tests.collector.collector import Collector
from tests.collector.sinks import Sinks
from tests.collector.test_answers import quick
from tests.integration.process import ROOT, eventually
from tests.receivers import HecReceiver, ok, status

CALLS: Final = 200
EXPORTERS: Final = ("splunk_hec", "otlp_http/audit")
SMALL_QUEUE: Final = "exporters.splunk_hec.sending_queue.queue_size=3000000"


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_a_backlog_survives_the_collector_and_arrives_once(tmp_path: Path, how: Literal["terminate", "kill"]) -> None:
    lines = journals.leave(tmp_path / "journal", CALLS)
    sinks = Sinks(tmp_path / "sinks")
    sets = [each for exporter in EXPORTERS for each in quick(exporter)]
    with Collector(tmp_path / "collector", "base", "splunk", "otlp", sets=sets, **sinks.variables) as collector:
        journals.send(lines, collector.endpoint)
        getattr(collector, how)()
        with sinks:
            collector.start()
            for sink in ("splunk", "store"):
                eventually(lambda: not journals.missing(lines, sinks.records(sink)), "the backlog arrives")  # noqa: B023 -- used at once
                assert len(sinks.records(sink)) == len(lines)


def test_a_full_queue_makes_the_journal_wait_and_nothing_is_lost(tmp_path: Path) -> None:
    for _ in range(4):
        journals.leave(tmp_path / "journal", 600)
    lines = journals.lines(tmp_path / "journal")
    with HecReceiver(behaviour=status(503)) as splunk:
        variables = {"SPLUNK_HEC_URL": splunk.url, "SPLUNK_HEC_TOKEN": "token"}
        sets = [*quick("splunk_hec"), SMALL_QUEUE]
        with (
            Collector(tmp_path / "collector", "base", "splunk", sets=sets, **variables) as collector,
            journals.shipping(tmp_path / "journal", collector.endpoint) as sender,
        ):
            refused = "otelcol_exporter_enqueue_failed_log_records"
            eventually(lambda: collector.metric(refused) > 0, "the queue is full")
            splunk.behave(ok())
            assert sender.ended() == 0, sender.stderr.text
            shipped = json.loads(sender.stdout.text)
            assert shipped == {"delivered": len(lines), "pending": 0, "quarantined": 0}
            eventually(lambda: not journals.missing(lines, splunk.records()), "all of it arrives")
            assert not journals.missing(lines, archive.records(collector.archive))


def request_of(bodies: list[str]) -> bytes:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for number, body in enumerate(bodies):
        record = scope.log_records.add()
        record.body.string_value, record.event_name = body, "mcp_audit.tool_call"
        pair = record.attributes.add()
        pair.key, pair.value.string_value = "audit.record.id", str(number)
    return request.SerializeToString()


def post(collector: Collector, request: bytes) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/x-protobuf"}
    asked = urllib.request.Request(f"{collector.endpoint}/v1/logs", request, headers)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


def test_one_large_record_takes_none_of_the_others_with_it(tmp_path: Path) -> None:
    bodies = [f"small {number}" for number in range(99)] + ["x" * 2_000_000]
    with (
        Sinks(tmp_path / "sinks") as sinks,
        Collector(tmp_path / "collector", "base", "splunk", "otlp", **sinks.variables) as collector,
    ):
        assert post(collector, request_of(bodies))[0] == 200
        for sink in ("splunk", "store"):
            eventually(lambda: len(sinks.records(sink)) == len(bodies), "all of it arrives")  # noqa: B023 -- used at once
            assert sorted(record["body"] for record in sinks.records(sink)) == sorted(bodies)


def test_a_request_above_the_limit_is_refused_as_such_and_kept_nowhere(tmp_path: Path) -> None:
    with Collector(tmp_path, "base") as collector:
        code, said = post(collector, request_of(["x" * 17_000_000]))
        assert code == 400
        assert b"request body too large" in said
        assert not archive.records(collector.archive)


@pytest.mark.parametrize(
    ("damage", "said"), [("garbage", "invalid database"), ("truncated", "panic: ")], ids=["garbage", "truncated"]
)
def test_a_damaged_queue_is_no_queue_to_start_with(tmp_path: Path, damage: str, said: str) -> None:
    lines = journals.leave(tmp_path / "journal", CALLS)
    variables = {"SPLUNK_HEC_URL": "http://127.0.0.1:9/services/collector", "SPLUNK_HEC_TOKEN": "token"}
    with Collector(tmp_path / "collector", "base", "splunk", **variables) as collector:
        journals.send(lines, collector.endpoint)
        collector.kill()
        (queue,) = collector.queue.iterdir()
        whole = queue.read_bytes()
        # The file's second half may be empty, and is not missed: what is cut away here has pages of the queue.
        queue.write_bytes(b"\xa5" * 16384 + whole[16384:] if damage == "garbage" else whole[:65_636])
        collector.begin()
        assert collector.ended() != 0
        assert said in collector.log
        assert not journals.missing(lines, archive.records(collector.archive))


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with Collector(tmp_path / "first", "base") as first:
        port = first.endpoint.rpartition(":")[2]
        second = Collector(tmp_path / "second", "base", AUDIT_HTTP_PORT=port)
        second.begin()
        assert second.ended() == 1
        assert f"127.0.0.1:{port}: bind: address already in use" in second.log


MEND: Final = re.compile(r"^# +(sed .*)$", re.MULTILINE)


class Torn:
    """The archive of several requests as kills leave it: one is glued to the line before it, one is torn."""

    def __init__(self, folder: Path) -> None:
        self.journal = folder / "journal"
        streams = [journals.leave(self.journal / str(number), 5) for number in range(6)]
        with Collector(folder / "collector", "base") as collector:
            for lines in streams:
                journals.send(lines, collector.endpoint)
        self.lines = [line for lines in streams for line in lines]
        self.lost = streams[2]
        self.folder = folder / "archive"
        self.folder.mkdir()
        first, second, third, *rest = (collector.archive / "mcp-audit.jsonl").read_bytes().splitlines(keepends=True)
        torn = [first.rstrip(b"\n"), second, third[: len(third) // 2], *rest]
        (self.folder / "mcp-audit.jsonl").write_bytes(b"".join(torn))


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Torn:
    return Torn(tmp_path_factory.mktemp("torn"))


def test_a_torn_archive_is_read_but_for_what_is_torn(torn: Torn) -> None:
    read = {record["body"].encode() for record in archive.records(torn.folder)}
    assert set(torn.lines) - read == set(torn.lost)
    assert read <= set(torn.lines)
    assert archive.torn(torn.folder, "*.jsonl") == 1
    report = verify([torn.folder], against=torn.journal)
    named = {missing.id for missing in report.missing or ()}
    assert named < {json.loads(line)["event"]["id"] for line in torn.lost}
    assert "torn" in {finding.kind for finding in report.findings}


def test_a_torn_archive_is_replayed_after_the_command_of_the_page(torn: Torn, tmp_path: Path) -> None:
    mend = MEND.search((ROOT / "collector-config" / "replay.yaml").read_text(encoding="utf-8"))
    assert mend
    (tmp_path / "replay").mkdir()
    (tmp_path / "archive").symlink_to(torn.folder)
    subprocess.run(["sh", "-euc", mend[1]], cwd=tmp_path, check=True)
    with HecReceiver() as splunk:
        variables = {"SPLUNK_HEC_URL": splunk.url, "SPLUNK_HEC_TOKEN": "token"}
        with Collector(
            tmp_path / "replaying", "replay", "splunk", AUDIT_REPLAY_DIR=str(tmp_path / "replay"), **variables
        ):
            whole = set(torn.lines) - set(torn.lost)
            eventually(lambda: not journals.missing(whole, splunk.records()), "all whole records arrive")
        assert {record["body"].encode() for record in splunk.records()} == whole
