"""The metrics of a trail say what its journal and its sinks hold, by count."""

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest
from opentelemetry.sdk.metrics import MeterProvider

from otel_mcp_audit import Auditor, AuditRecord, Rejected, Settings, journal, metrics, tally
from otel_mcp_audit.journal import disk, home
from tests.integration import trail
from tests.integration.process import eventually
from tests.metrics.reading import Meters, Points, grown


class Taking:
    """A sink that can be told what to do with records."""

    def __init__(self) -> None:
        self.taken: list[AuditRecord] = []
        self.judge: Callable[[Sequence[AuditRecord]], object] = lambda _: None

    def write(self, records: Sequence[AuditRecord]) -> None:
        self.judge(records)
        self.taken += records

    def close(self) -> None:
        return


SINK = f"{__name__}:Taking"


def begin(folder: Path | str, **settings: Any) -> Auditor:
    fields: dict[str, Any] = {"dir": str(folder), "sinks": "none", **settings}
    auditor = Auditor(Settings(**fields))
    assert auditor.start()
    return auditor


def call(auditor: Auditor, count: int = 1, tool: str = "t") -> None:
    for _ in range(count):
        with auditor.call(tool, {}):
            pass


def kept(folder: Path) -> Points:
    """What the journal holds, by event type and outcome."""
    kinds = [(line["event"]["event_type"], line["event"]["response"]["outcome"]) for line in trail.lines(folder)]
    return {kind: float(count) for kind, count in Counter(kinds).items()}


def gaps(folder: Path) -> int:
    """How many records the trail says are missing."""
    return sum(gap["count"] for gap in trail.gaps(folder))


def in_journal(dropped: Points) -> float:
    """How many records the metrics say are missing in the journal."""
    return sum(value for kind, value in dropped.items() if len(kind) == 1)


def test_what_is_emitted_is_what_the_journal_holds_by_type_and_outcome(folder: Path, meters: Meters) -> None:
    before = meters.points("audit.records.emitted")
    auditor = begin(folder)
    call(auditor, 3)
    with suppress(KeyError), auditor.call("t", {}):
        raise KeyError
    auditor.close()
    emitted = grown(meters.points("audit.records.emitted"), before)
    assert emitted == kept(folder)
    assert emitted[("tool_call", "success")] == 3
    assert set(emitted) == {
        *(("tool_call", "success"), ("tool_call", "exception"), ("audit_start", "success"), ("audit_stop", "success")),
    }


def test_a_second_operation_goes_on_counting_where_the_first_ended(folder: Path, meters: Meters) -> None:
    before = meters.points("audit.records.emitted")
    auditor = begin(folder)
    call(auditor, 2)
    auditor.rest(1.0, "resting")
    call(auditor, 2)
    call(begin(folder), 2)
    auditor.close()
    assert grown(meters.points("audit.records.emitted"), before)[("tool_call", "success")] == 6
    assert grown(meters.points("audit.records.emitted"), before) == kept(folder)


def test_what_is_exported_is_what_the_sink_has_and_what_waits_is_the_rest(folder: Path, meters: Meters) -> None:
    sink = Taking()
    before = {name: meters.points(name) for name in ("audit.records.exported", "audit.export.duration")}

    def down(_: Sequence[AuditRecord]) -> NoReturn:
        raise ConnectionError

    sink.judge = down
    auditor = begin(folder, sinks=[sink])
    call(auditor, 5)
    assert not auditor.flush(0.2)
    assert meters.points("audit.queue.depth")[(SINK,)] == 6
    eventually(lambda: ("ConnectionError", SINK) in meters.points("audit.export.duration"), "an attempt was made")
    sink.judge = lambda _: None
    assert auditor.flush(20.0)
    assert meters.points("audit.queue.depth")[(SINK,)] == 0
    assert auditor.close(10.0)
    assert grown(meters.points("audit.records.exported"), before["audit.records.exported"]) == {(SINK,): 7}
    assert len(sink.taken) == len(trail.lines(folder)) == 7
    attempts = grown(meters.points("audit.export.duration"), before["audit.export.duration"])
    assert attempts.keys() == {(SINK,), ("ConnectionError", SINK)}
    assert "audit.queue.depth" not in meters.metrics()  # what has ended waits for nothing


def test_what_an_earlier_process_left_is_counted_as_waiting_and_as_exported(folder: Path, meters: Meters) -> None:
    child = os.fork()
    if child == 0:
        auditor = begin(folder, sinks=[Down()])
        call(auditor, 4)
        os._exit(9)
    os.waitpid(child, 0)
    sink = Taking()
    before = meters.points("audit.records.exported")
    auditor = begin(folder, sinks=[sink])
    eventually(lambda: len(trail.events(map_lines(sink), "tool_call")) == 4, "what was left arrives")
    assert auditor.close(10.0)
    assert grown(meters.points("audit.records.exported"), before) == {(SINK,): len({each.id for each in sink.taken})}
    assert len(sink.taken) == len(trail.lines(folder))


def map_lines(sink: Taking) -> list[Any]:
    return trail.decoded(record.line for record in list(sink.taken))


class Down(Taking):
    """Takes nothing; has the name of one that does."""

    def write(self, records: Sequence[AuditRecord]) -> None:
        raise ConnectionError


Down.__name__ = Taking.__name__
Down.__qualname__ = Taking.__qualname__


def test_records_that_cannot_be_kept_are_dropped_as_many_as_the_gap_says(folder: Path, meters: Meters) -> None:
    before = meters.points("audit.records.dropped")
    sink = Down()
    auditor = begin(folder, max_bytes=65536, sinks=[sink])
    call(auditor, 80)
    dropped = grown(meters.points("audit.records.dropped"), before)
    assert 0 < dropped[("not_kept",)] < 80
    assert dropped[("not_kept",)] == 80 - kept(folder)[("tool_call", "success")]
    assert meters.points("audit.journal.utilization")[()] >= 0.9
    auditor.close(0.0)
    assert in_journal(grown(meters.points("audit.records.dropped"), before)) == gaps(folder)


class Hostile(dict[str, object]):
    """Arguments that nobody can look at."""

    def items(self) -> NoReturn:  # pyright: ignore[reportIncompatibleMethodOverride] -- it is hostile
        raise RuntimeError("CANARY")


def test_a_call_that_cannot_be_opened_is_dropped(folder: Path, meters: Meters) -> None:
    before = meters.points("audit.records.dropped")
    auditor = begin(folder)
    for _ in range(3):
        with auditor.call("t", Hostile()):
            pass
    auditor.close()
    assert grown(meters.points("audit.records.dropped"), before) == {("not_opened",): 3}
    assert gaps(folder) == 3


def test_a_record_that_is_not_on_the_disk_in_time_is_named(
    folder: Path, meters: Meters, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = meters.points("audit.records.dropped")
    auditor = begin(folder, durability="power")

    def fail(_: int) -> NoReturn:
        raise OSError(5, "EIO")

    with auditor.call("t", {}):
        monkeypatch.setattr(disk.calls, "sync", fail)
    monkeypatch.undo()
    call(auditor)
    auditor.close()
    assert grown(meters.points("audit.records.dropped"), before) == {("not_synced",): 1}
    assert gaps(folder) == 1


def test_records_that_somebody_cuts_off_are_dropped(
    folder: Path, meters: Meters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "LOOK_EVERY_S", 0.0)
    before = meters.points("audit.records.dropped")
    auditor = begin(folder)
    call(auditor, 3)
    (segment,) = folder.glob("*/*.jsonl")
    os.truncate(segment, segment.read_bytes().index(b"\n") + 1)
    call(auditor)
    auditor.close()
    assert grown(meters.points("audit.records.dropped"), before) == {("segment_truncated",): 3}
    assert gaps(folder) == 3


def test_a_record_that_a_sink_will_never_take_is_dropped_at_that_sink(folder: Path, meters: Meters) -> None:
    before = meters.points("audit.records.dropped")
    sink = Taking()

    def judge(records: Sequence[AuditRecord]) -> None:
        if bad := [record.id for record in records if record.tool == "bad"]:
            raise Rejected("no", bad)

    sink.judge = judge
    auditor = begin(folder, sinks=[sink])
    call(auditor)
    call(auditor, tool="bad")
    assert auditor.close(10.0)
    assert grown(meters.points("audit.records.dropped"), before) == {("quarantined", SINK): 1}
    assert gaps(folder) == 0
    assert len(sink.taken) == len(trail.lines(folder)) - 1


def test_what_was_in_memory_alone_and_undelivered_at_the_end_is_dropped(
    folder: Path, meters: Meters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: object) -> None:
        return None

    monkeypatch.setattr(journal, "choose", nowhere)
    before = meters.points("audit.records.dropped")
    auditor = begin(folder, sinks=[Down()])
    call(auditor, 4)
    assert not auditor.close(0.1)
    assert grown(meters.points("audit.records.dropped"), before) == {("memory_ended", SINK): 6}


def test_a_forked_child_counts_its_own_and_only_its_own(folder: Path, meters: Meters) -> None:
    auditor = begin(folder)
    call(auditor, 3)
    child = os.fork()
    if child == 0:
        call(auditor, 2)
        auditor.close()
        counted = meters.points("audit.records.emitted")
        os._exit(counted != {("audit_start", "success"): 1, ("audit_stop", "success"): 1, ("tool_call", "success"): 2})
    assert os.waitpid(child, 0)[1] == 0
    auditor.close()


def test_counts_of_many_threads_are_all_there() -> None:
    total = tally.Sum()

    def count() -> None:
        for _ in range(5000):
            total.add("a")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total.read() == {("a",): 40_000}


def test_a_count_goes_on_where_a_signal_handler_interrupts_one() -> None:
    total = tally.Sum()
    with total._lock:  # pyright: ignore[reportPrivateUsage] -- as the interrupted thread has
        total.add("a")
    assert total.read() == {("a",): 1}


def test_metrics_are_on_the_provider_that_was_given_last_and_on_no_other(folder: Path, meters: Meters) -> None:
    auditor = begin(folder)
    call(auditor)
    others = Meters()
    metrics.use(others.provider)
    call(auditor)
    assert others.points("audit.records.emitted")
    assert not meters.points("audit.records.emitted")
    metrics.use(meters.provider)
    assert meters.points("audit.records.emitted") == tally.EMITTED.read()
    assert not others.points("audit.records.emitted")
    auditor.close()
    others.provider.shutdown()


class Raising(MeterProvider):
    """Whatever it is asked, it raises."""

    def get_meter(self, *_: object, **__: object) -> NoReturn:  # pyright: ignore[reportIncompatibleMethodOverride] -- it is broken
        raise RuntimeError("CANARY")


def test_a_meter_provider_that_raises_costs_no_record(
    folder: Path, meters: Meters, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Raising(shutdown_on_exit=False)
    with caplog.at_level(logging.ERROR, "otel_mcp_audit"):
        metrics.use(broken)
        auditor = begin(folder)
        call(auditor, 3)
        auditor.close()
    assert kept(folder)[("tool_call", "success")] == 3
    assert "CANARY" not in caplog.text
    metrics.use(meters.provider)


def test_an_instrument_that_raises_costs_no_delivery(
    folder: Path, meters: Meters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> NoReturn:
        raise RuntimeError("CANARY")

    monkeypatch.setattr(tally, "EXPORTS", [broken])
    sink = Taking()
    auditor = begin(folder, sinks=[sink])
    call(auditor, 3)
    assert auditor.close(10.0)
    assert len(sink.taken) == len(trail.lines(folder)) == 5


def test_a_reader_may_collect_at_any_moment_of_a_trails_life(
    folder: Path, meters: Meters, caplog: pytest.LogCaptureFixture
) -> None:
    over = threading.Event()

    def collect() -> None:
        while not over.is_set():
            meters.metrics()

    thread = threading.Thread(target=collect)
    thread.start()
    before = tally.EMITTED.read()
    for _ in range(10):
        auditor = begin(folder, sinks=[Taking()])
        call(auditor, 3)
        assert auditor.close(10.0)
    over.set()
    thread.join()
    assert tally.EMITTED.read()["tool_call", "success"] - before.get(("tool_call", "success"), 0) == 30
    assert "Callback failed" not in caplog.text


def test_no_attribute_is_there_that_the_metric_does_not_name(folder: Path, meters: Meters) -> None:
    auditor = begin(folder, sinks=[Taking()])
    call(auditor, tool="CANARY")
    auditor.close()
    named = {metric.name: set(metric.attributes) for metric in metrics.ALL}
    found = meters.metrics()
    for name, points in found.items():
        for point in points:
            assert set(point.attributes) <= named[name]
            assert "CANARY" not in str(point.attributes)
