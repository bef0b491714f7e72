"""Kafka between two Collectors: each call's record arrives, whatever on the way is killed, away, or refuses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from otel_mcp_audit.verify import verify
from tests.collector import archive, journals
from tests.collector.called import Called, call_all
from tests.collector.collector import Collector
from tests.collector.kafka_road import SMALL, Road, Victim
from tests.integration.process import eventually
from tests.parts.server import PATIENCE
from tests.receivers import HttpReceiver, ok, status
from tests.scenes.reconcile import received_lines

pytestmark = pytest.mark.timeout(180)

DROPPED: Final = "otelcol_exporter_send_failed_log_records"


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with Road(tmp_path_factory.mktemp("kafka")) as road:
        yield road


@pytest.fixture(scope="module")
def called(road: Road) -> Called:
    """What clients did first of all, and all of it arrived."""
    called = call_all(road.folder / "called", road.agent.endpoint)
    road.await_all(called.lines)
    return called


def test_each_call_has_its_one_record_behind_kafka_byte_for_byte(road: Road, called: Called) -> None:
    kept = set(called.lines)
    arrived = [line for line in received_lines(road.records()) if line in kept]
    called.assert_all_in(arrived)
    assert len(arrived) == len(kept)


@pytest.mark.parametrize(("victim", "ends"), [("agent", 2), ("consumer", 2), ("broker", 1)])
def test_a_part_of_the_way_that_is_killed_under_load_loses_nothing(road: Road, victim: Victim, ends: int) -> None:
    endured = road.endure(victim, victim, ends, calls=300)
    print(endured)
    assert endured.lost == 0, str(endured)


def test_what_comes_while_the_store_is_away_arrives_when_it_is_back(road: Road, tmp_path: Path) -> None:
    lines = journals.leave(tmp_path / "journal", 200)
    road.sinks.kill()
    journals.send(lines, road.agent.endpoint)
    eventually(lambda: "Exporting failed" in road.consumer.log, "the consumer finds nobody")
    road.sinks.start()
    road.await_all(lines)


@pytest.mark.parametrize(("answer", "end"), [(503, "kill"), (400, "terminate")])
def test_what_a_store_refuses_is_not_taken_and_arrives_after_the_consumer_was_restarted(
    road: Road, tmp_path: Path, answer: int, end: str
) -> None:
    lines = journals.leave(tmp_path / "journal", 200)
    journals.send(lines, road.agent.endpoint)
    group = f"answers-{answer}"
    with HttpReceiver(behaviour=status(answer)) as store:
        sets = ("compression=gzip", "retry_on_failure.max_elapsed_time=300ms")
        consumer = road.another_consumer(group, store.endpoint, *(f"exporters.otlp_http/sink.{each}" for each in sets))
        with consumer:
            store.wait_for_requests(1, PATIENCE)
            assert road.kafka.taken(f"mcp-audit-{group}") == 0
            getattr(consumer, end)()
            store.behave(ok())
            consumer.start()
            eventually(lambda: not journals.missing(lines, store.records()), "all of it arrives", PATIENCE)
            eventually(lambda: road.kafka.taken(f"mcp-audit-{group}") > 0, "its offset moves", PATIENCE)


def test_a_message_above_the_topics_limit_is_counted_as_dropped_and_the_archive_has_its_records(
    road: Road, tmp_path: Path
) -> None:
    road.kafka.create_topic("--config", "max.message.bytes=300", topic="small")
    lines = journals.leave(tmp_path / "journal", 100)
    settings = [*SMALL, "exporters.kafka.logs.topic=small"]
    with Collector(tmp_path / "agent", "base", "kafka-agent", sets=settings, KAFKA_BROKERS=road.kafka.address) as agent:
        journals.send(lines, agent.endpoint)
        eventually(lambda: agent.metric(DROPPED) == len(lines), "all of it is dropped", PATIENCE)
        assert not journals.missing(lines, archive.records(agent.archive))


@pytest.fixture(scope="module")
def dump(road: Road, called: Called) -> Path:
    """The topic, as Kafka's console consumer writes it."""
    dump = called.journal.with_name("dump")
    dump.write_bytes(road.kafka.dump())
    return dump


def test_a_dump_of_the_topic_verifies_and_lacks_nothing_that_the_journal_has(called: Called, dump: Path) -> None:
    report = verify([dump], against=called.journal)
    assert (report.missing, report.findings) == ([], [])
    assert report.records >= len(called.lines)


def test_what_a_dump_lacks_is_named(called: Called, dump: Path, tmp_path: Path) -> None:
    lost = called.lines[3]
    broken = tmp_path / "dump"
    broken.write_bytes(dump.read_bytes().replace(lost, b" " * len(lost)))
    report = verify([broken], against=called.journal)
    assert [missing.id for missing in report.missing or ()] == [json.loads(lost)["event"]["id"]]
