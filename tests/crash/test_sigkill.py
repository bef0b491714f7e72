"""A short torture; the long one is ``python -m tests.crash.torture --kills 50 --away 60``."""

import pytest

from tests.crash.torture import Tally, torture

KILLS = 6
IN_FLIGHT = 8


@pytest.fixture(scope="module")
def tally(tmp_path_factory: pytest.TempPathFactory) -> Tally:
    return torture(tmp_path_factory.mktemp("torture"), kills=KILLS, away=3.0, seed=20261125)


@pytest.mark.timeout(120)
def test_every_acknowledged_call_has_its_record_at_the_receiver(tally: Tally) -> None:
    assert (tally.kills, tally.missing, tally.untrue) == (KILLS, [], [])
    assert tally.acknowledged > 0


def test_no_call_has_more_than_one_record(tally: Tally) -> None:
    assert tally.doubled == []


def test_calls_were_in_flight_and_ended_as_unknown(tally: Tally) -> None:
    assert max(tally.in_flight) >= IN_FLIGHT
    assert 0 < tally.unknown <= sum(tally.in_flight)


def test_every_chain_is_intact_and_all_of_it_has_arrived(tally: Tally) -> None:
    assert (tally.findings, tally.left) == ([], [])
