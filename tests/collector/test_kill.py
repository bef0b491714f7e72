"""However the Collector is ended, what it has acknowledged reaches every destination: the counts are in the output."""

from pathlib import Path

import pytest

from tests.collector.chaos import endure


@pytest.mark.timeout(180)
def test_killed_five_times_under_load_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    endured = endure(tmp_path, ends=5, calls=600, how="kill")
    print(endured)
    assert endured.lost == 0, str(endured)


@pytest.mark.timeout(180)
def test_ended_twice_under_load_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    endured = endure(tmp_path, ends=2, calls=300, how="terminate")
    print(endured)
    assert endured.lost == 0, str(endured)
