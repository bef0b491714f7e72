"""The thread: lazily started, in turn, bounded where somebody waits."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from otel_mcp_audit.delivery import Delivery, Pace, Source
from otel_mcp_audit.errors import Refused
from otel_mcp_audit.journal import Position
from otel_mcp_audit.record import AuditRecord
from tests.delivery.trail import PATIENT, QUICK, Recorder, Trail, tools, unique


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    trail = Trail(tmp_path / "journal")
    yield trail
    trail.stream.close()


def taking(_: Sequence[AuditRecord]) -> None:
    """Everything."""


def unavailable(_: Sequence[AuditRecord]) -> None:
    raise ConnectionError("nobody there")


def threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"otel-mcp-audit-{name}"]


def test_no_thread_before_the_first_news_and_a_daemon_afterwards(trail: Trail) -> None:
    delivery = Delivery("lazy", Recorder(), QUICK)
    delivery.add(trail.source())
    assert not threads("lazy")
    assert delivery.flush(5), "nothing is there, so all is delivered"
    assert not threads("lazy")
    trail.append()
    delivery.wake()
    (thread,) = threads("lazy")
    assert thread.daemon
    assert delivery.stop(5)
    assert not threads("lazy")


def test_what_is_appended_arrives_without_a_flush(trail: Trail) -> None:
    sink = Recorder()
    delivery = Delivery("own", sink, QUICK)
    delivery.add(trail.source())
    lines: list[str] = []
    for _ in range(5):
        lines += trail.append(3)
        delivery.wake()
        sink.wait_for(taken=len(lines))
    assert sink.taken == lines
    delivery.stop(5)


def test_a_batch_gathers_for_a_moment_and_a_flush_does_not_wait_for_it(trail: Trail) -> None:
    sink = Recorder()
    delivery = Delivery("gather", sink, Pace(linger=30))
    delivery.add(trail.source())
    for _ in range(20):
        trail.append()
        delivery.wake()
    assert delivery.flush(20)
    assert sink.sizes == [20]
    delivery.stop(5)


def test_flush_covers_what_was_appended_before_it_also_while_more_comes(trail: Trail) -> None:
    sink = Recorder()
    delivery = Delivery("busy", sink, QUICK)
    delivery.add(trail.source())
    ended = threading.Event()

    def more() -> None:
        while not ended.is_set():
            trail.append()
            delivery.wake()

    writer = threading.Thread(target=more)
    writer.start()
    try:
        for _ in range(5):
            before = trail.append(1, "marked")
            assert delivery.flush(20)
            assert before[0] in sink.taken
    finally:
        ended.set()
        writer.join()
    assert delivery.stop(20)


def test_a_flush_is_bounded_where_the_sink_hangs(trail: Trail) -> None:
    release = threading.Event()

    def hang(_: Sequence[AuditRecord]) -> None:
        release.wait(30)

    sink = Recorder(hang)
    delivery = Delivery("hang", sink, QUICK)
    delivery.add(trail.source())
    trail.append()
    delivery.wake()
    sink.wait_for(writes=1)
    began = time.monotonic()
    assert not delivery.flush(0.2)
    assert not delivery.stop(0.2)
    assert time.monotonic() - began < 10
    (left_behind,) = threads("hang")
    release.set()
    left_behind.join(20)
    assert sink.closed.is_set()


def test_a_flush_during_a_pause_makes_one_attempt_now(trail: Trail) -> None:
    sink = Recorder(unavailable)
    delivery = Delivery("pausing", sink, PATIENT)
    delivery.add(trail.source())
    lines = trail.append(2)
    delivery.wake()
    sink.wait_for(writes=1)
    sink.judge = taking
    assert delivery.flush(20)
    assert sink.taken == lines
    delivery.stop(5)


def test_a_flush_that_no_attempt_can_serve_in_time_ends_at_once(trail: Trail) -> None:
    sink = Recorder(unavailable)
    delivery = Delivery("dead", sink, PATIENT)
    delivery.add(trail.source())
    trail.append()
    began = time.monotonic()
    assert not delivery.flush(15)
    assert not delivery.stop(15)
    assert time.monotonic() - began < 10
    assert sink.sizes == [1, 1]


def test_a_flush_waits_for_the_attempts_that_fall_into_its_time(trail: Trail) -> None:
    def judge(_: Sequence[AuditRecord]) -> None:
        if len(sink.sizes) < 4:
            raise ConnectionError("not yet")

    sink = Recorder(judge)
    delivery = Delivery("soon", sink, QUICK)
    delivery.add(trail.source())
    trail.append()
    assert delivery.flush(20)
    assert len(sink.sizes) == 4
    delivery.stop(5)


def test_stop_delivers_saves_the_cursor_closes_the_sink_and_is_final(trail: Trail) -> None:
    sink = Recorder()
    delivery = Delivery("final", sink, Pace(save=3600))
    delivery.add(trail.source())
    trail.append(3)
    delivery.wake()
    assert delivery.stop(20)
    assert trail.cursor().seq == 3
    assert sink.closed.is_set()
    trail.append()
    delivery.wake()
    assert not delivery.flush(0.2)
    assert not delivery.stop(0.2)
    assert len(sink.taken) == 3


def test_a_sink_is_closed_although_nothing_was_ever_sent() -> None:
    sink = Recorder()
    assert Delivery("unused", sink).stop(5)
    assert sink.closed.is_set()


def test_a_sink_that_fails_in_closing_is_reported_and_nothing_else(
    trail: Trail, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(Recorder):
        def close(self) -> None:
            raise RuntimeError("cannot close")

    delivery = Delivery("stuck", Stuck(), QUICK)
    delivery.add(trail.source())
    trail.append()
    assert delivery.stop(20)
    assert "closing stuck" in caplog.text


def test_a_new_delivery_goes_on_where_the_cursor_stands(trail: Trail) -> None:
    lines = trail.append(5)
    first = Recorder()
    delivery = Delivery("first", first, QUICK)
    delivery.add(trail.source())
    assert delivery.stop(20)
    lines += trail.append(5)
    second = Recorder()
    delivery = Delivery("second", second, QUICK)
    delivery.add(trail.source())
    assert delivery.stop(20)
    assert first.taken + second.taken == lines
    assert trail.cursor().last_error is None
    assert trail.cursor().answer == "accepted"


def test_two_sinks_of_one_stream_do_not_wait_for_each_other(trail: Trail) -> None:
    lines = trail.append(5)
    dead, sound = Delivery("dead", Recorder(unavailable), PATIENT), Delivery("sound", sink := Recorder(), QUICK)
    dead.add(trail.source("dead"))
    sound.add(trail.source("sound"))
    dead.wake()
    assert sound.flush(20)
    assert sink.taken == lines
    assert not dead.stop(0.2)
    sound.stop(5)
    assert trail.cursor("dead").seq == 0
    assert trail.cursor("sound").seq == 5


def test_a_cursor_stands_in_the_folder_before_anything_is_delivered(trail: Trail) -> None:
    delivery = Delivery("waiting", Recorder(unavailable), PATIENT)
    delivery.add(trail.source("waiting"))
    assert trail.cursor("waiting").position == (0, 0), "what no cursor waits for may be cleared away by the budget"


def test_streams_are_served_in_turn(tmp_path: Path) -> None:
    trails = [Trail(tmp_path / "journal") for _ in range(3)]
    sink = Recorder()
    delivery = Delivery("turns", sink, QUICK)
    for number, trail in enumerate(trails):
        trail.append(1200, f"stream{number}")
        delivery.add(trail.source())
    assert delivery.flush(20)
    # No stream's second batch comes before every stream's first.
    assert len(set(tools(sink.taken[:1500]))) == 3
    assert sorted(tools(sink.taken)) == [f"stream{number}" for number in range(3) for _ in range(1200)]
    delivery.stop(5)
    for trail in trails:
        trail.stream.close()


def test_a_stream_whose_records_are_all_refused_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    def judge(records: Sequence[AuditRecord]) -> None:
        if records[0].resource["service.name"] == "bad":
            raise Refused("unknown service")

    bad, good = Trail(tmp_path / "journal"), Trail(tmp_path / "journal")
    poison, lines = bad.append(4), good.append(4)
    sink = Recorder(judge)
    delivery = Delivery("mixed", sink, QUICK)
    delivery.add(bad.source(**{"service.name": "bad"}))
    delivery.add(good.source(**{"service.name": "good"}))
    assert delivery.flush(20)
    assert unique(sink.taken) == lines
    assert [entry["line"] for entry in bad.quarantined()] == poison
    delivery.stop(5)
    bad.stream.close()
    good.stream.close()


def test_a_stream_that_is_added_later_is_delivered_too(tmp_path: Path, trail: Trail) -> None:
    sink = Recorder()
    delivery = Delivery("adopting", sink, QUICK)
    delivery.add(trail.source())
    lines = trail.append(2)
    delivery.wake()
    sink.wait_for(taken=2)
    orphan = Trail(tmp_path / "journal")
    lines += orphan.append(2)
    delivery.add(orphan.source())
    sink.wait_for(taken=4)
    assert sink.taken == lines
    delivery.stop(5)
    orphan.stream.close()


def test_a_trail_in_memory_is_delivered_and_let_go() -> None:
    trail = Trail(None, segment_bytes=64 * 1024, memory_bytes=256 * 1024)
    sink = Recorder()
    delivery = Delivery("memory", sink, QUICK)
    delivery.add(trail.source())
    lines: list[str] = []
    for _ in range(20):
        # Twenty times 100 KB through a memory of 256: only what was delivered makes room.
        lines += trail.append(100)
        assert delivery.flush(20)
    assert sink.taken == lines
    delivery.stop(5)
    trail.stream.close()


def test_a_line_that_is_no_record_is_set_aside_and_the_next_ones_arrive(trail: Trail) -> None:
    lines = trail.append(2)
    assert trail.stream.path is not None
    with next(trail.stream.path.glob("0*.jsonl")).open("ab") as file:
        file.write(b'{"half":\n\xff\xfe\n')
    sink = Recorder()
    delivery = Delivery("damaged", sink, QUICK)
    delivery.add(trail.source())
    assert delivery.flush(20)
    assert sink.taken == lines
    assert [entry["line"] for entry in trail.quarantined()] == ['{"half":', "\\xff\\xfe"]
    assert delivery.progress().quarantined == 2
    assert delivery.progress().pending == 0
    delivery.stop(5)


class Slow:
    """A reader that fails at first, as a disk does that comes back."""

    def __init__(self, source: Source, failures: int) -> None:
        self._reader = source.reader
        self._failures = failures

    def read(self, position: Position, *, records: int, limit: int) -> list[tuple[bytes, Position]]:
        if self._failures:
            self._failures -= 1
            raise OSError(5, "Input/output error")
        return self._reader.read(position, records=records, limit=limit)

    def pending(self, position: Position) -> int:
        return self._reader.pending(position)


def test_a_journal_that_cannot_be_read_for_a_while_loses_nothing_and_is_no_end(trail: Trail) -> None:
    lines = trail.append(3)
    sink = Recorder()
    delivery = Delivery("disk", sink, QUICK)
    source = trail.source()
    delivery.add(source._replace(reader=Slow(source, 3)))
    assert delivery.flush(20)
    assert sink.taken == lines
    delivery.stop(5)


def test_progress_says_what_holds_and_that_it_was_mended(trail: Trail) -> None:
    trail.append(4)
    sink = Recorder(unavailable)
    delivery = Delivery("fares", sink, PATIENT)
    delivery.add(trail.source())
    assert not delivery.flush(5)
    held = delivery.progress()
    assert held.pending > 0
    assert (held.delivered, held.last_error, held.at_fault) == (0, "ConnectionError: nobody there", False)
    cursor = trail.cursor()
    assert cursor.last_error == cursor.answer == "ConnectionError: nobody there"
    assert cursor.retry_at is not None
    sink.judge = taking
    assert delivery.flush(20)
    assert delivery.progress() == (4, 0, 0, None, False)
    cursor = trail.cursor()
    assert (cursor.last_error, cursor.retry_at, cursor.answer) == (None, None, "accepted")
    delivery.stop(5)


def test_a_sink_at_fault_is_said_once_and_clearly(trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def judge(_: Sequence[AuditRecord]) -> None:
        raise Refused("no partition of relation")

    sink = Recorder(judge)
    delivery = Delivery("partitioned", sink, QUICK)
    delivery.add(trail.source())
    lines = trail.append(40)
    delivery.wake()
    sink.wait_for(writes=500)
    said = [each for each in caplog.records if "partitioned" in each.getMessage()]
    assert [each.levelno for each in said] == [logging.ERROR]
    assert "refuses everything" in said[0].getMessage()
    assert "no partition of relation" in said[0].getMessage()
    assert delivery.progress().at_fault
    sink.judge = taking
    assert delivery.flush(20)
    assert sink.taken == lines
    assert "delivering to partitioned again" in caplog.text
    assert trail.quarantined() == []
    delivery.stop(5)


def test_a_single_blip_is_not_worth_a_line(trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    def judge(_: Sequence[AuditRecord]) -> None:
        if len(sink.sizes) == 1:
            raise ConnectionError("stale connection")

    sink = Recorder(judge)
    delivery = Delivery("blip", sink, QUICK)
    delivery.add(trail.source())
    trail.append()
    assert delivery.flush(20)
    delivery.stop(5)
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_a_quarantine_that_cannot_be_written_holds_the_record_instead_of_losing_it(trail: Trail) -> None:
    (known,) = trail.append()

    def judge(records: Sequence[AuditRecord]) -> None:
        if any(record.tool == "poison" for record in records):
            raise Refused("no")

    sink = Recorder(judge)
    delivery = Delivery("full", sink, QUICK)
    source = trail.source()
    assert trail.stream.path is not None
    in_the_way = trail.stream.path / "sink.quarantine.jsonl"
    in_the_way.mkdir()
    delivery.add(source)
    assert delivery.flush(20)
    trail.append(1, "poison")
    lines = trail.append(1)
    assert not delivery.flush(0.5)
    assert "cannot be set aside" in str(delivery.progress().last_error)
    in_the_way.rmdir()
    assert delivery.flush(20)
    assert unique(sink.taken) == [known, *lines]
    assert len(trail.quarantined()) == 1
    delivery.stop(5)


def test_a_cursor_that_cannot_be_saved_delays_nothing(trail: Trail) -> None:
    lines = trail.append(3)
    sink = Recorder()
    delivery = Delivery("readonly", sink, QUICK)
    source = trail.source()
    assert source.cursor_path is not None
    source.cursor_path.mkdir()
    delivery.add(source)
    assert delivery.flush(20)
    assert sink.taken == lines
    delivery.stop(5)


def test_a_corrupt_cursor_means_all_is_delivered_again(trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    lines = trail.append(3)
    source = trail.source()
    assert source.cursor_path is not None
    source.cursor_path.write_bytes(b'{"segment": "x')
    sink = Recorder()
    delivery = Delivery("corrupt", sink, QUICK)
    delivery.add(source)
    assert delivery.flush(20)
    assert sink.taken == lines
    assert "all is delivered again" in caplog.text
    delivery.stop(5)
