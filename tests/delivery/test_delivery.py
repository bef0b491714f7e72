"""The thread: lazily started, in turn, bounded where somebody waits."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from otel_mcp_audit.delivery import Delivery, Pace
from otel_mcp_audit.errors import Refused
from otel_mcp_audit.record import AuditRecord
from tests.delivery.sending import refusing, unavailable
from tests.delivery.trail import PATIENT, QUICK, Recorder, Trail, tools, unique


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


def test_what_is_appended_while_the_thread_sleeps_wakes_it(trail: Trail) -> None:
    sink = Recorder()
    delivery = Delivery("asleep", sink, QUICK)
    delivery.add(trail.source())
    for count in range(1, 4):
        lines = trail.append(1)
        delivery.wake()
        sink.wait_for(taken=count)
        assert sink.taken[-1:] == lines
        # It is answered by a round that found nothing, after which the thread sleeps without end.
        assert delivery.flush(20)
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
    source = trail.source("waiting")
    delivery.add(source)
    assert source.cursor_path is not None
    assert source.cursor_path.exists(), "what no cursor waits for may be cleared away by the budget"
    assert trail.cursor("waiting").position == (0, 0)


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


def test_many_threads_may_wake_add_and_flush_at_once(tmp_path: Path) -> None:
    trails = [Trail(tmp_path / "journal") for _ in range(4)]
    sink = Recorder()
    delivery = Delivery("crowd", sink, QUICK)
    flushed: list[bool] = []

    def use(trail: Trail) -> None:
        delivery.add(trail.source())
        for _ in range(50):
            trail.append(2)
            delivery.wake()
        flushed.append(delivery.flush(20))

    users = [threading.Thread(target=use, args=[trail]) for trail in trails]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert flushed == [True] * 4
    assert len(threads("crowd")) == 1
    assert len(sink.taken) == len(set(sink.taken)) == 400
    delivery.stop(5)
    for trail in trails:
        trail.stream.close()


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


def test_a_record_refused_out_of_memory_is_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    trail = Trail(None)
    good = trail.append(1)
    trail.append(1, "poison")
    sink = Recorder(refusing("poison"))
    delivery = Delivery("nowhere", sink, QUICK)
    delivery.add(trail.source())
    assert delivery.flush(20)
    assert unique(sink.taken) == good
    assert delivery.progress().quarantined == 1
    assert "nowhere: the stream is in memory" in caplog.text
    delivery.stop(5)
    trail.stream.close()
