"""How long a delivery waits."""

from hypothesis import given
from hypothesis import strategies as st

from otel_mcp_audit.delivery import Pace

STEADY = Pace(jitter=lambda: 0.5)


def test_waits_double_from_one_second_to_a_minute() -> None:
    assert [STEADY.wait(failures, None) for failures in range(1, 10)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@given(failures=st.integers(1, 10**6), jitter=st.floats(0, 1), asked=st.none() | st.floats(0.001, 10**9))
def test_a_wait_is_bounded_jittered_and_at_least_what_was_asked_for(
    failures: int, jitter: float, asked: float | None
) -> None:
    wait = Pace(jitter=lambda: jitter).wait(failures, asked)
    assert min(60, max(0.8, asked or 0)) <= wait <= 60


def test_a_destination_that_asks_for_an_hour_is_left_alone_for_a_minute() -> None:
    assert STEADY.wait(1, 3600) == 60


def test_no_wait_at_all_where_only_the_form_of_the_request_was_refused() -> None:
    assert STEADY.wait(3, 0) == 0
