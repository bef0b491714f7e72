"""The rules fire in the situations they are for: in Prometheus's own unit test and with a real Collector."""

import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.collector import journals
from tests.collector.collector import Collector
from tests.collector.dashboard import queries
from tests.collector.prometheus import ALERTS, JOB, OPERATIONS, Prometheus, named, tool
from tests.collector.test_answers import quick, to
from tests.collector.test_full_disk import small_disk
from tests.integration.process import eventually
from tests.journal.ordinary import needs_root
from tests.receivers import HecReceiver, status

CALLS: Final = 100
SITUATIONS: Final = OPERATIONS / "alerts-test.yaml"
SENT: Final = 'otelcol_exporter_sent_log_records{exporter="splunk_hec"}'
SMALL_QUEUE: Final = "exporters.splunk_hec.sending_queue.queue_size=300000"

RULES: Final = ALERTS.read_text(encoding="utf-8")
NAMES: Final = re.findall(r"- alert: (\w+)", RULES)
ASKED_FOR: Final = "\n".join([RULES, *(query.expression for query in queries())])
"""All that the rules and the dashboard ask Prometheus for."""


def test_in_each_situation_exactly_the_alerts_that_are_meant_fire() -> None:
    line = [tool("promtool"), "test", "rules", str(SITUATIONS)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_a_situation_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    situations = SITUATIONS.read_text(encoding="utf-8")
    fired = set(re.findall(r"alertname=\"(\w+)\"", situations))
    assert NAMES
    assert fired == set(NAMES)
    nothing = "expr: 'count by (alertname) (ALERTS{alertstate=\"firing\"})'}"  # no samples are expected: none may fire
    assert nothing in situations


class Watched(NamedTuple):
    """A Collector with one destination, and the Prometheus that watches it."""

    collector: Collector
    splunk: HecReceiver
    prometheus: Prometheus


@contextmanager
def watched(folder: Path, *sets: str) -> Generator[Watched]:
    with (
        HecReceiver() as splunk,
        Collector(
            folder / "collector", "base", "splunk", sets=[*quick("splunk_hec"), *sets], **to(splunk)
        ) as collector,
        Prometheus(folder / "prometheus", {JOB: collector.metrics}) as prometheus,
    ):
        yield Watched(collector, splunk, prometheus)


def test_in_real_trouble_its_alerts_fire_and_before_it_none(tmp_path: Path) -> None:
    lines = journals.leave(tmp_path / "journal", CALLS)
    with watched(tmp_path, SMALL_QUEUE) as (collector, splunk, prometheus):
        journals.send(lines, collector.endpoint)
        eventually(lambda: prometheus.values(SENT) == [len(lines)], "all of it is seen sent")
        eventually(lambda: not prometheus.firing(), "no alert fires")

        splunk.behave(status(401))
        journals.send(lines, collector.endpoint)
        eventually(lambda: prometheus.firing() == {"AuditRecordsDropped"}, "what a wrong token drops is told")
        assert prometheus.values('otelcol_exporter_send_failed_log_records{exporter="splunk_hec"}') == [len(lines)]
        assert prometheus.values("mcp_audit:undelivered:records") == [0]

        splunk.behave(status(503))
        few = lines[:5]
        for line in few:
            journals.send([line], collector.endpoint)
        eventually(lambda: prometheus.values("mcp_audit:undelivered:records") == [len(few)], "what waits is seen")
        (most,) = prometheus.values("mcp_audit:queued_at_most:records")
        assert most > len(few)
        # Without its two minutes a scrape between archive and queue is enough for it: but it does not stand.
        eventually(lambda: "AuditRecordsUnaccounted" not in prometheus.firing(), "what waits is no loss")

        journals.leave(tmp_path / "journal", 10 * CALLS)
        with journals.shipping(tmp_path / "journal", collector.endpoint) as sender:
            eventually(lambda: "AuditQueueRefusing" in prometheus.firing(), "a full queue is told")
            sender.kill()
        never_failed = {
            "otelcol_processor_memory_limiter_refused_log_records"
        }  # there is none before the first failure
        assert named(ASKED_FOR, "otelcol") - prometheus.names() == never_failed
        collector.kill()
        eventually(lambda: "AuditCollectorDown" in prometheus.firing(), "a Collector that is gone is told")


@needs_root
def test_what_a_queue_on_a_full_disk_loses_without_a_count_is_told(tmp_path: Path) -> None:
    streams = [journals.leave(tmp_path / str(number), 500) for number in range(6)]
    with (
        small_disk(tmp_path / "collector" / "queue"),
        watched(tmp_path) as (collector, splunk, prometheus),
    ):
        splunk.behave(status(503))
        for stream in streams:
            journals.send(stream, collector.endpoint)
        eventually(lambda: "AuditRecordsUnaccounted" in prometheus.firing(), "what is lost is told")
        assert not {"AuditRecordsDropped", "AuditQueueRefusing"} & prometheus.firing(), "a count of the Collector's own"
