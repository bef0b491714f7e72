"""Bisect, quarantine, sink at fault: one batch to a sink in memory, without a thread."""

from collections.abc import Sequence

import pytest

from otel_mcp_audit.delivery.hold import Hold
from otel_mcp_audit.delivery.sender import PROBE_AGE_S, SAMPLE, Sender
from otel_mcp_audit.delivery.track import Track
from otel_mcp_audit.errors import Refused
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.sinks import Unavailable
from tests.delivery.sending import Sending, refusing, taking
from tests.delivery.trail import Trail, tools, unique


def refusing_all(_: Sequence[AuditRecord]) -> None:
    raise Refused("no such index")


def test_a_batch_that_is_taken_moves_the_cursor_over_all_of_it(trail: Trail) -> None:
    lines = trail.append(10)
    sending = Sending(trail, taking)
    sending.run()
    assert sending.sink.taken == lines
    assert sending.sink.sizes == [10]
    assert sending.track.pending() == 0


def test_one_refused_record_among_many_is_set_aside_and_the_rest_arrives(trail: Trail) -> None:
    good = trail.append(1)
    sending = Sending(trail, refusing("poison"))
    sending.run()
    good += trail.append(37)
    (poison,) = trail.append(1, "poison")
    good += trail.append(62)
    sending.run()
    assert unique(sending.sink.taken) == good
    assert [entry["line"] for entry in trail.quarantined()] == [poison]
    assert trail.quarantined()[0]["reason"] == "cannot take poison"


def test_bisecting_takes_a_logarithm_of_requests(trail: Trail) -> None:
    trail.append(1)
    sending = Sending(trail, refusing("poison"))
    sending.run()
    trail.append(255)
    trail.append(1, "poison")
    sending.sink.sizes.clear()
    sending.run()
    # The batch and its probe, two halves on each of eight levels, and for the last one: probe and last chance.
    assert len(sending.sink.sizes) == 2 + 2 * 8 + 2


def test_a_refused_record_is_set_aside_only_after_a_second_refusal_behind_one_that_was_taken(trail: Trail) -> None:
    trail.append(1, "known")
    said: list[str] = []

    def judge(records: Sequence[AuditRecord]) -> None:
        said.append("+".join(str(record.tool) for record in records))
        refusing("poison")(records)

    sending = Sending(trail, judge)
    sending.run()
    trail.append(1, "poison")
    sending.run()
    assert said == ["known", "poison", "known", "poison"]
    assert tools([entry["line"] for entry in trail.quarantined()]) == ["poison"]


def test_a_record_that_is_taken_at_its_last_chance_is_not_set_aside(trail: Trail) -> None:
    trail.append(1, "known")
    tries = 0

    def judge(records: Sequence[AuditRecord]) -> None:
        nonlocal tries
        if records[0].tool == "shy":
            tries += 1
            if tries == 1:
                raise Refused("not now")

    sending = Sending(trail, judge)
    sending.run()
    lines = trail.append(1, "shy")
    sending.run()
    assert sending.sink.taken[-1:] == lines
    assert trail.quarantined() == []


def test_a_sink_that_refuses_what_it_took_before_is_at_fault_and_nothing_is_set_aside(trail: Trail) -> None:
    trail.append(1)
    sending = Sending(trail, taking)
    sending.run()
    lines = trail.append(100)
    sending.sink.judge = refusing_all
    with pytest.raises(Hold) as held:
        sending.run()
    assert held.value.at_fault
    assert held.value.reason == "no such index"
    assert trail.quarantined() == []
    # The batch and the probe: a sink that is ill is not asked a thousand times.
    assert sending.sink.sizes[-2:] == [100, 1]
    sending.sink.judge = taking
    sending.run()
    assert sending.sink.taken[1:] == lines


def test_with_nothing_taken_yet_a_sink_that_refuses_everything_is_at_fault_after_a_bounded_search(trail: Trail) -> None:
    trail.append(500)
    sending = Sending(trail, refusing_all)
    with pytest.raises(Hold) as held:
        sending.run()
    assert held.value.at_fault
    assert trail.quarantined() == []
    assert len(sending.sink.sizes) == 1 + 2 * SAMPLE - 1 + 1
    assert sending.track.pending() > 0


def test_with_nothing_taken_yet_the_poison_in_front_is_found_once_another_record_is_taken(trail: Trail) -> None:
    poison = trail.append(3, "poison")
    good = trail.append(5)
    sending = Sending(trail, refusing("poison"))
    sending.run()
    assert unique(sending.sink.taken) == good
    assert [entry["line"] for entry in trail.quarantined()] == poison


def test_poison_that_fills_the_sample_is_told_by_the_newest_record(trail: Trail) -> None:
    poison = trail.append(SAMPLE + 8, "poison")
    good = trail.append(1)
    sending = Sending(trail, refusing("poison"))
    sending.run()
    assert unique(sending.sink.taken) == good
    assert [entry["line"] for entry in trail.quarantined()] == poison


def test_a_single_refused_record_with_nothing_to_compare_waits(trail: Trail) -> None:
    trail.append(1, "poison")
    sending = Sending(trail, refusing("poison"))
    with pytest.raises(Hold) as held:
        sending.run()
    assert held.value.at_fault
    assert trail.quarantined() == []


def test_a_record_taken_long_ago_proves_nothing(trail: Trail) -> None:
    trail.append(1, "old")
    sending = Sending(trail, taking)
    sending.run()
    good = trail.append(1)
    trail.append(1, "poison")
    sending.now += PROBE_AGE_S
    # It keeps records of an hour only, so the old one is refused now and says nothing about the sink.
    sending.sink.judge = refusing("old", "poison")
    sending.run()
    assert sending.sink.taken[-1:] == good
    assert tools([entry["line"] for entry in trail.quarantined()]) == ["poison"]


def test_a_transient_failure_in_the_middle_of_bisecting_keeps_what_is_settled(trail: Trail) -> None:
    trail.append(1)
    sending = Sending(trail, taking)
    sending.run()
    good = trail.append(8)
    trail.append(1, "poison")
    good += trail.append(7)
    broken = False

    def judge(records: Sequence[AuditRecord]) -> None:
        nonlocal broken
        if len(records) == 4 and not broken:
            broken = True
            raise Unavailable("gone", after=2)
        refusing("poison")(records)

    sending.sink.judge = judge
    with pytest.raises(Hold) as held:
        sending.run()
    assert (held.value.after, held.value.at_fault) == (2, False)
    sending.sink.sizes.clear()
    sending.run()
    assert sending.sink.sizes[0] == 8, "the half that was taken is not sent again"
    assert unique(sending.sink.taken)[1:] == good
    assert len(trail.quarantined()) == 1


def test_any_exception_of_a_sink_means_again_later(trail: Trail) -> None:
    lines = trail.append(3)
    for raised in (ZeroDivisionError("a bug"), SystemExit(1), KeyError(), TimeoutError("slow")):

        def judge(_: Sequence[AuditRecord], raised: BaseException = raised) -> None:
            raise raised

        sending = Sending(trail, judge)
        with pytest.raises(Hold) as held:
            sending.run()
        assert not held.value.at_fault
        assert type(raised).__name__ in held.value.reason
    assert trail.quarantined() == []
    sending = Sending(trail, taking)
    sending.run()
    assert sending.sink.taken == lines


def test_of_a_foreign_error_only_the_first_line_is_kept_and_no_credentials(trail: Trail) -> None:
    trail.append(1)

    def judge(_: Sequence[AuditRecord]) -> None:
        raise RuntimeError(
            "cannot reach postgresql://audit:hunter2@db/x\x1b[31m\nDETAIL: Failing row contains (CANARY)"
        )

    with pytest.raises(Hold) as held:
        Sending(trail, judge).run()
    assert held.value.reason == r"RuntimeError: cannot reach postgresql://db/x\x1b[31m"


def test_an_asynchronous_write_is_never_taken_for_an_acknowledgement(trail: Trail) -> None:
    trail.append(1)

    class Asynchronous:
        async def write(self, records: Sequence[AuditRecord]) -> None:
            raise AssertionError

        def close(self) -> None:
            """Nothing."""

    track = Track(trail.source())
    sender = Sender(Asynchronous())  # pyright: ignore[reportArgumentType] -- the mistake under test
    with pytest.raises(Hold, match="asynchronous"):
        sender.deliver(track, track.read(sender.limits))
    assert track.pending() > 0
