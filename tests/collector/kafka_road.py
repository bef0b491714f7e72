"""From a Collector through Kafka and a second Collector to an OTLP store, any part of which may be ended on the way."""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Literal, Self

from tests.collector import archive, journals
from tests.collector.chaos import STREAMS
from tests.collector.collector import Collector
from tests.collector.endured import Endured, Place
from tests.collector.sinks import Sinks
from tests.integration.process import eventually
from tests.parts.kafka import Kafka
from tests.parts.server import PATIENCE

Victim = Literal["agent", "broker", "consumer"]

PARTITIONS: Final = 3

SMALL: Final = (
    "exporters.kafka.sending_queue.batch.min_size=1",
    "exporters.kafka.sending_queue.batch.max_size=10",
    "exporters.kafka.retry_on_failure.initial_interval=100ms",
    "exporters.kafka.retry_on_failure.max_interval=300ms",
)
"""Settings under which many small messages are on their way when something ends."""

QUICK: Final = (
    "exporters.otlp_http/sink.retry_on_failure.initial_interval=100ms",
    "exporters.otlp_http/sink.retry_on_failure.max_interval=300ms",
    "receivers.kafka.session_timeout=1s",
    "receivers.kafka.heartbeat_interval=200ms",
    "receivers.kafka.autocommit.interval=100ms",
    "receivers.kafka.error_backoff.initial_interval=100ms",
    "receivers.kafka.error_backoff.max_interval=300ms",
)
"""Settings under which a test need not wait."""


class Road:
    """Runs while it is entered.

    Attributes:
        kafka: the broker.
        agent: the Collector that takes records.
        consumer: the one that takes them from Kafka.
        sinks: the store that it sends to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kafka = Kafka(folder / "kafka")
        self.sinks = Sinks(folder / "sinks")
        self.agent = Collector(folder / "agent", "base", "kafka-agent", sets=SMALL, KAFKA_BROKERS=self.kafka.address)
        self.consumer = self.another_consumer("store", self.sinks.variables["AUDIT_OTLP_URL"])
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.kafka)
            self.kafka.create_topic("--partitions", str(PARTITIONS), "--config", "max.message.bytes=10485760")
            for part in (self.sinks, self.agent, self.consumer):
                stack.enter_context(part)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def another_consumer(self, name: str, url: str, *sets: str) -> Collector:
        """A consumer of its own group, which is not started yet."""
        variables = {"KAFKA_BROKERS": self.kafka.address, "AUDIT_SINK_NAME": name, "AUDIT_OTLP_URL": url}
        return Collector(self.folder / name, "kafka-consumer", sets=[*QUICK, *sets], **variables)

    def records(self) -> list[dict[str, Any]]:
        """What the store has."""
        return self.sinks.records("store")

    def _stored(self) -> int:
        """How many records the store has, copies too; quicker than to decode them."""
        return sum(file.read_bytes().count(b'"eventName":') for file in self.sinks.folder.glob("store*.jsonl"))

    def await_all(self, lines: Iterable[bytes]) -> None:
        """Wait until the store has them."""
        wanted = list(lines)
        eventually(lambda: not journals.missing(wanted, self.records()), "all of it arrives", PATIENCE)

    def endure(self, name: str, victim: Victim, ends: int, calls: int) -> Endured:
        """Ship a journal while a part is killed as often, each time after more of it has come through.

        Args:
            name: of the journal, which is new.
            victim: what is killed.
            ends: how often.
            calls: of each of the journal's streams.
        """
        journal = self.folder / name
        for _ in range(STREAMS):
            journals.leave(journal, calls)
        lines = journals.lines(journal)
        before, under_way = self._stored(), list[int]()
        with journals.shipping(journal, self.agent.endpoint) as sender:
            for number in range(1, ends + 1):
                passed = before + number * len(lines) // (ends + 2)
                eventually(lambda: self._stored() >= passed, "more of it comes through", PATIENCE)  # noqa: B023 -- used at once
                part = {"agent": self.agent, "broker": self.kafka, "consumer": self.consumer}[victim]
                part.kill()
                under_way.append(len(journals.missing(lines, self.records())))
                part.start()
            assert sender.ended() == 0, sender.stderr.text
            shipped = json.loads(sender.stdout.text)
        self.await_all(lines)
        return Endured(
            ended=f"{victim}: kill",
            under_way=tuple(under_way),
            sent=len(lines),
            acknowledged=shipped["delivered"],
            places={
                "archive": Place.of(lines, archive.records(self.agent.archive)),
                "store": Place.of(lines, self.records()),
            },
        )
