"""What a delivery says of itself: in its progress, in the cursor, and in the log."""

import logging
import time
from collections.abc import Sequence

import pytest

from otel_mcp_audit.delivery import Delivery
from otel_mcp_audit.errors import Refused
from otel_mcp_audit.record import AuditRecord
from tests.delivery.sending import taking, unavailable
from tests.delivery.trail import PATIENT, QUICK, Recorder, Trail


def test_a_line_that_the_reader_passes_over_is_said(trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    lines = trail.append(1)
    assert trail.stream.path is not None
    with next(trail.stream.path.glob("0*.jsonl")).open("ab") as file:
        file.write(b"x" * (2 * 1024 * 1024) + b"\n")
    sink = Recorder()
    delivery = Delivery("long", sink, QUICK)
    delivery.add(trail.source())
    assert delivery.flush(20)
    assert sink.taken == lines
    assert "too long: passed over" in caplog.text
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


def test_a_cursor_is_saved_within_its_time_although_nothing_more_comes(trail: Trail) -> None:
    sink = Recorder()
    delivery = Delivery("saving", sink, QUICK._replace(save=0.3))
    delivery.add(trail.source())
    for count in (1, 2):
        trail.append(1)
        delivery.wake()
        sink.wait_for(taken=count)
    until = time.monotonic() + 20
    while trail.cursor().seq < 2:
        assert time.monotonic() < until
        time.sleep(0.02)
    delivery.stop(5)
