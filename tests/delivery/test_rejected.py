"""What a sink says it will never take."""

from collections.abc import Sequence

import pytest

from otel_mcp_audit.delivery.hold import Hold
from otel_mcp_audit.errors import Rejected
from otel_mcp_audit.record import AuditRecord
from tests.delivery.sending import Sending
from tests.delivery.trail import Trail, unique


def test_rejected_records_that_are_named_are_set_aside_at_once_and_the_rest_is_sent_again(trail: Trail) -> None:
    good = trail.append(3)
    poison = trail.append(2, "poison")
    good += trail.append(3)

    def judge(records: Sequence[AuditRecord]) -> None:
        ids = [record.id for record in records if record.tool == "poison"]
        if ids:
            raise Rejected("too old", ids)

    sending = Sending(trail, judge)
    sending.run()
    assert sending.sink.taken == good
    assert sending.sink.sizes == [8, 6]
    assert [entry["line"] for entry in trail.quarantined()] == poison


def test_a_sink_that_rejects_one_by_one_is_followed_to_the_end(trail: Trail) -> None:
    trail.append(500, "poison")

    def judge(records: Sequence[AuditRecord]) -> None:
        raise Rejected("no", [records[0].id])

    Sending(trail, judge).run()
    assert len(trail.quarantined()) == 500


def test_a_single_record_rejected_without_a_name_is_set_aside_at_once(trail: Trail) -> None:
    trail.append(1)

    def judge(_: Sequence[AuditRecord]) -> None:
        raise Rejected("malformed")

    sending = Sending(trail, judge)
    sending.run()
    assert sending.sink.sizes == [1]
    assert len(trail.quarantined()) == 1


def test_several_records_rejected_without_names_are_bisected_and_not_thrown_away(trail: Trail) -> None:
    good = trail.append(6)
    poison = trail.append(1, "poison")
    good += trail.append(5)

    def judge(records: Sequence[AuditRecord]) -> None:
        if any(record.tool == "poison" for record in records):
            raise Rejected("malformed")

    sending = Sending(trail, judge)
    sending.run()
    assert unique(sending.sink.taken) == good
    assert [entry["line"] for entry in trail.quarantined()] == poison


def test_a_rejection_that_names_strangers_is_no_word_about_our_records(trail: Trail) -> None:
    trail.append(1)

    def judge(_: Sequence[AuditRecord]) -> None:
        raise Rejected("malformed", ["somebody-else"])

    with pytest.raises(Hold):
        Sending(trail, judge).run()
    assert trail.quarantined() == []
