"""A damaged journal, cursor, quarantine or process: nothing is skipped, and nothing ends the delivery."""

import threading
from collections.abc import Sequence

import pytest

from otel_mcp_audit.delivery import Delivery, Pace, Source
from otel_mcp_audit.delivery.item import Item
from otel_mcp_audit.delivery.track import Track
from otel_mcp_audit.errors import Refused
from otel_mcp_audit.journal import Position, Reader
from otel_mcp_audit.record import AuditRecord
from tests.delivery.sending import refusing, taking, unavailable
from tests.delivery.trail import PATIENT, QUICK, Recorder, Trail, unique


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
        self.problems: list[str] = []
        self._reader = source.reader
        self._failures = failures

    def read(self, position: Position, *, records: int, limit: int) -> list[tuple[bytes, Position]]:
        if self._failures:
            self._failures -= 1
            raise OSError(5, "Input/output error")
        return self._reader.read(position, records=records, limit=limit)

    def pending(self, position: Position) -> int:
        if self._failures:
            raise OSError(5, "Input/output error")
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


def test_a_journal_that_cannot_be_read_is_not_taken_for_an_empty_one(trail: Trail) -> None:
    delivery = Delivery("unread", Recorder(), PATIENT)
    source = trail.source()
    delivery.add(source._replace(reader=Slow(source, 1000)))
    assert delivery.progress().pending > 0
    assert not delivery.flush(5)
    assert delivery.progress().last_error == "the journal cannot be read: Input/output error"
    delivery.stop(5)


def test_a_bug_of_ours_is_reported_and_does_not_end_the_delivery(
    trail: Trail, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = trail.append(2)
    acknowledged, bugs = Track.acknowledged, iter([ZeroDivisionError("a bug")])

    def failing(self: Track, items: Sequence[Item]) -> None:
        for bug in bugs:
            raise bug
        acknowledged(self, items)

    monkeypatch.setattr(Track, "acknowledged", failing)
    sink = Recorder()
    delivery = Delivery("buggy", sink, QUICK)
    delivery.add(trail.source())
    assert delivery.flush(20)
    assert unique(sink.taken) == lines
    assert "delivering to buggy" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    delivery.stop(5)


def test_a_machine_without_threads_left_is_reported_and_tried_again(
    trail: Trail, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sink = Recorder()
    delivery = Delivery("threadless", sink, QUICK)
    delivery.add(trail.source())
    lines = trail.append(1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", full)
        delivery.wake()
        assert "starting a delivery" in caplog.text
        assert not delivery.flush(0.1)
    delivery.wake()
    sink.wait_for(taken=1)
    assert sink.taken == lines
    delivery.stop(5)


def test_a_crash_behind_a_quarantine_does_not_set_the_record_aside_twice(trail: Trail) -> None:
    sink = Recorder(refusing("poison"))
    delivery = Delivery("crashing", sink, Pace(linger=0.01, save=3600))
    delivery.add(trail.source())
    trail.append(1)
    assert delivery.flush(20)
    trail.append(1, "poison")
    (last,) = trail.append(1)
    delivery.wake()
    sink.wait_for(line=last)
    # What a killed process leaves is the cursor in its file, without a flush or a stop.
    again = Delivery("restarted", Recorder(refusing("poison")), QUICK)
    again.add(trail.source())
    assert again.flush(20)
    assert len(trail.quarantined()) == 1
    again.stop(5)
    delivery.stop(5)


def test_lines_that_are_no_records_by_the_hundred_hide_none_behind_them(trail: Trail) -> None:
    lines = trail.append(2)
    trail.stream.close()
    assert trail.stream.path is not None
    (segment,) = trail.stream.path.glob("0*.jsonl")
    segment.write_text("\n".join([lines[0], *["garbage"] * 1200, lines[1], ""]), "utf-8")
    sink = Recorder()
    delivery = Delivery("garbage", sink, QUICK)
    delivery.add(trail.source()._replace(reader=Reader(trail.stream.path)))
    assert delivery.flush(20)
    assert sink.taken == lines
    assert delivery.progress().quarantined == 1200
    delivery.stop(5)


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
    delivery.add(source._replace(cursor_path=source.cursor_path.parent / "gone" / "sink.cursor"))
    assert delivery.flush(20)
    assert sink.taken == lines
    delivery.stop(5)


def test_a_stop_on_a_machine_without_threads_left_is_bounded(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", full)
    delivery = Delivery("never", Recorder(), QUICK)
    delivery.add(trail.source())
    trail.append(1)
    assert not delivery.stop(0.1)


class Rewritten:
    """A journal whose first line becomes another one of the same length behind the delivery's back."""

    def __init__(self, lines: list[str]) -> None:
        self.problems: list[str] = []
        self.lines = lines

    def read(self, position: Position, *, records: int, limit: int) -> list[tuple[bytes, Position]]:
        return [] if position.offset else [(self.lines[0].encode(), Position(1, 1))]

    def pending(self, position: Position) -> int:
        return 1 - position.offset


def test_what_is_sent_is_what_the_journal_holds_at_that_moment(trail: Trail) -> None:
    lines = trail.append(2)
    reader = Rewritten(lines)
    sink = Recorder(unavailable)
    delivery = Delivery("rewritten", sink, PATIENT)
    delivery.add(trail.source()._replace(reader=reader))
    assert not delivery.flush(5)
    del reader.lines[0]
    sink.judge = taking
    assert delivery.flush(20)
    assert sink.taken == lines
    delivery.stop(5)
