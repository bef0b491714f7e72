"""Times and ids."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from otel_mcp_audit import clock


def test_a_timestamp_has_six_digits_and_is_never_rounded_into_the_next_second() -> None:
    assert clock.timestamp(1_764_066_600_999_999_999) == "2025-11-25T10:30:00.999999Z"
    assert clock.timestamp(0) == "1970-01-01T00:00:00.000000Z"


@given(st.integers(0, 2**48 - 1), st.integers(0, 999_999))
def test_a_record_id_is_a_uuid_of_version_7_that_carries_its_millisecond(milliseconds: int, rest: int) -> None:
    parsed = uuid.UUID(clock.record_id(milliseconds * 1_000_000 + rest))
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == milliseconds


def test_ids_sort_by_time_and_never_repeat() -> None:
    ids = [clock.record_id(ns * 1000) for ns in range(2000)]
    assert ids == sorted(ids)
    assert len({clock.record_id(5) for _ in range(2000)}) == 2000
