"""What becomes of records that a destination refuses: sent again, or given up by the queue, never by the archive.

The destination is a server of ours, because no real one can be told to refuse.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.collector import archive, journals
from tests.collector.collector import Collector
from tests.integration.process import Session, eventually, exporting, scenes_server
from tests.receivers import HecReceiver, HttpReceiver, ok, status
from tests.receivers.receiver import Receiver
from tests.scenes.reconcile import journal_lines

CODES: Final = (400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504)
CALLS: Final = 20


class Kind(NamedTuple):
    """A destination, and what it takes as a refusal for good."""

    config: str
    exporter: str
    for_good: frozenset[int]


SPLUNK: Final = Kind("splunk", "splunk_hec", frozenset({400, 401, 403}))
OTLP: Final = Kind("otlp", "otlp_http/audit", frozenset({400, 401, 403, 404, 408, 413, 500}))


class Refused(NamedTuple):
    """A Collector, and its destination that refuses."""

    kind: Kind
    collector: Collector
    receiver: Receiver

    def given_up(self) -> float:
        """Records that the queue gave up, by the Collector's own count."""
        return self.collector.metric("otelcol_exporter_send_failed_log_records", exporter=self.kind.exporter)


def quick(exporter: str) -> list[str]:
    """Settings under which a test need not wait, and our server can read."""
    retry, queue = f"exporters.{exporter}.retry_on_failure", f"exporters.{exporter}.sending_queue"
    waits = [f"{retry}.initial_interval=100ms", f"{retry}.max_interval=300ms", f"{queue}.batch.flush_timeout=50ms"]
    return [*waits, f"exporters.{exporter}.compression=gzip"] if exporter.startswith("otlp") else waits


def to(receiver: Receiver) -> dict[str, str]:
    """The variables that lead to it."""
    if isinstance(receiver, HecReceiver):
        return {"SPLUNK_HEC_URL": receiver.url, "SPLUNK_HEC_TOKEN": "token"}
    return {"AUDIT_OTLP_URL": receiver.endpoint}


def refused(stack: ExitStack, folder: Path, kind: Kind, **environ: str) -> Refused:
    """Start both."""
    receiver: Receiver = stack.enter_context(HecReceiver() if kind is SPLUNK else HttpReceiver())
    collector = Collector(folder, "base", kind.config, sets=quick(kind.exporter), **to(receiver), **environ)
    return Refused(kind, stack.enter_context(collector), receiver)


@pytest.fixture(params=[SPLUNK, OTLP], ids=["splunk", "otlp"], scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refused]:
    with ExitStack() as stack:
        yield refused(stack, tmp_path_factory.mktemp("answers"), request.param)


@pytest.mark.parametrize("code", CODES)
def test_an_answer_is_kept_for_later_or_given_up_as_the_table_says(world: Refused, tmp_path: Path, code: int) -> None:
    lines = journals.leave(tmp_path, CALLS)
    before = world.given_up()
    world.receiver.behave(status(code))
    asked = len(world.receiver.requests)
    journals.send(lines, world.collector.endpoint)
    assert not journals.missing(lines, archive.records(world.collector.archive))
    if code in world.kind.for_good:
        eventually(lambda: world.given_up() == before + len(lines), "the queue gives up")
        world.receiver.behave(ok())
        assert journals.missing(lines, world.receiver.records()) == set(lines)
    else:
        world.receiver.wait_for_requests(asked + 2)
        world.receiver.behave(ok())
        eventually(lambda: not journals.missing(lines, world.receiver.records()), "the queue sends again")
        assert world.given_up() == before


def test_what_was_given_up_is_replayed_from_the_archive(world: Refused, tmp_path: Path) -> None:
    lines = journals.leave(tmp_path / "journal", CALLS)
    world.receiver.behave(status(403))
    before = world.given_up()
    journals.send(lines, world.collector.endpoint)
    eventually(lambda: world.given_up() == before + len(lines), "the queue gives up")
    world.receiver.behave(ok())
    variables = {"AUDIT_REPLAY_DIR": str(world.collector.archive), **to(world.receiver)}
    replaying = Collector(tmp_path, "replay", world.kind.config, sets=quick(world.kind.exporter), **variables)
    with replaying:
        eventually(lambda: not journals.missing(lines, world.receiver.records()), "the replay arrives")


@pytest.mark.parametrize("kind", [SPLUNK, OTLP], ids=["splunk", "otlp"])
def test_without_a_queue_the_journal_holds_what_is_refused_until_it_is_taken(tmp_path: Path, kind: Kind) -> None:
    with ExitStack() as stack:
        world = refused(stack, tmp_path / "collector", kind, AUDIT_QUEUE="false")
        world.receiver.behave(status(401))
        journal = tmp_path / "journal"
        changes = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
        server = stack.enter_context(scenes_server(exporting(journal, world.collector.endpoint, **changes)))
        session = Session(server)
        for _ in range(CALLS):
            session.echo()
        world.receiver.wait_for_requests(2)
        world.receiver.behave(ok())
        eventually(lambda: len(world.receiver.records()) >= CALLS, "the journal sends again")
        server.leave()
        kept = [line.rstrip(b"\n") for line in journal_lines(journal)]
        eventually(lambda: not journals.missing(kept, world.receiver.records()), "all of it arrives")
        assert len(world.receiver.records()) == len(kept)
