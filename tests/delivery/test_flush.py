"""Who waits for a delivery: bounded, early where it is in vain, and final at the end."""

import threading
import time
from collections.abc import Sequence

from otel_mcp_audit.delivery import Delivery, Pace
from otel_mcp_audit.record import AuditRecord
from tests.delivery.sending import taking, unavailable
from tests.delivery.trail import PATIENT, QUICK, Recorder, Trail


def threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"otel-mcp-audit-{name}"]


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
    trail.append(1)
    delivery.wake()
    sink.wait_for(taken=1)
    trail.append(2)
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


def test_who_still_waits_when_the_last_flush_is_answered_is_let_go(trail: Trail) -> None:
    entered, release = threading.Event(), threading.Event()

    def hang(_: Sequence[AuditRecord]) -> None:
        entered.set()
        release.wait(30)
        raise ConnectionError("nobody there")

    delivery = Delivery("ending", Recorder(hang), PATIENT)
    delivery.add(trail.source())
    trail.append()
    delivery.wake()
    assert entered.wait(20)
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(delivery.flush(3600)))
    waiting.start()
    # One attempt falls into its hour, so only the end lets it go.
    assert not delivery.stop(0.1)
    release.set()
    waiting.join(20)
    assert answers == [False]
