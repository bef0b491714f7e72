"""How much goes into one request."""

from collections.abc import Sequence

import pytest

from otel_mcp_audit.delivery.hold import Hold
from otel_mcp_audit.delivery.item import Item
from otel_mcp_audit.delivery.limits import Limits
from otel_mcp_audit.errors import TooLarge
from otel_mcp_audit.record import AuditRecord
from tests.delivery.sending import Judge, Sending, taking
from tests.delivery.trail import Trail, unique


def larger_than(limit: int) -> Judge:
    def judge(records: Sequence[AuditRecord]) -> None:
        if sum(len(record.line) for record in records) > limit:
            raise TooLarge("too large")

    return judge


def test_a_request_that_is_too_large_is_split_and_the_limit_is_kept(trail: Trail) -> None:
    lines = trail.append(128, pad=1000)
    size = len(lines[0]) + 10
    sending = Sending(trail, larger_than(20 * size))
    sending.run()
    assert sending.sink.taken == lines
    assert trail.quarantined() == []
    refused = [size for size in sending.sink.sizes if size > 20]
    assert refused == [128, 64, 32]
    more = trail.append(40, pad=1000)
    sending.sink.sizes.clear()
    sending.run()
    assert sending.sink.taken[128:] == more
    assert max(sending.sink.sizes) <= 20


def test_a_learned_limit_grows_back_slowly(trail: Trail) -> None:
    trail.append(64)
    sending = Sending(trail, larger_than(1))
    with pytest.raises(Hold):
        sending.run()
    sending.sender.limits.refused(sending.track.read(sending.sender.limits))
    learned = sending.sender.limits.now
    sending.sink.judge = taking
    for _ in range(40):
        trail.append(64)
        sending.run()
    assert sending.sender.limits.now.records > learned.records


def test_only_a_record_that_is_too_large_alone_is_set_aside(trail: Trail) -> None:
    good = trail.append(4)
    giant = trail.append(1, "giant", pad=8000)
    good += trail.append(4)
    sending = Sending(trail, larger_than(4000))
    sending.run()
    assert unique(sending.sink.taken) == good
    assert [entry["line"] for entry in trail.quarantined()] == giant


def test_a_sink_for_which_everything_is_too_large_is_at_fault_and_teaches_no_limit(trail: Trail) -> None:
    trail.append(1)
    sending = Sending(trail, taking)
    sending.run()
    trail.append(64)
    sending.sink.judge = larger_than(0)
    with pytest.raises(Hold) as held:
        sending.run()
    assert held.value.at_fault
    assert sending.sender.limits.now == Limits().now
    assert trail.quarantined() == []


def test_limits_bound_a_request_in_records_and_in_bytes(trail: Trail) -> None:
    trail.append(700)
    trail.append(100, pad=15_000)
    sending = Sending(trail, taking)
    batches: list[list[Item]] = []
    while items := sending.track.read(sending.sender.limits):
        batches.append(items)
        sending.sender.deliver(sending.track, items)
    assert all(len(batch) <= 500 and sum(item.size for item in batch) <= 1024 * 1024 for batch in batches)
    assert sum(map(len, batches)) == 800
