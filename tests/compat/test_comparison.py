"""When a suite counts as passing audited exactly as without us."""

import pytest

from tests.compat.comparison import HEADER, Comparison
from tests.compat.outcomes import Outcomes

PASSED: Outcomes = {"test": "passed"}


def compared(
    *, plain: list[str] | None = None, audited: list[str] | None = None, records: int = 1, ok: bool = True
) -> Comparison:
    found = Comparison("kernel-1", PASSED, PASSED, records, {"ok": ok})
    if plain and audited:
        found.seen["test"] = (plain, audited)
    return found


def test_it_holds_where_nothing_differs_and_something_was_recorded() -> None:
    assert compared().holds


@pytest.mark.parametrize(
    "found",
    [
        compared(plain=["passed", "passed", "passed"], audited=["failed", "failed", "failed"]),
        compared(plain=["passed", "passed", "passed"], audited=["failed", "absent", "error"]),
        compared(records=0),
        compared(ok=False),
        Comparison("kernel-1", {}, {}, 1, {"ok": True}),
    ],
    ids=["a test differs", "it is gone or in error", "nothing was recorded", "the journal is unsound", "nothing ran"],
)
def test_it_does_not_hold(found: Comparison) -> None:
    assert not found.holds
    assert found.lines()[0] == "kernel-1: NOT AS WITHOUT"


@pytest.mark.parametrize(
    ("plain", "audited"),
    [
        (["passed", "failed", "passed"], ["failed", "failed", "failed"]),
        (["passed", "passed", "passed"], ["failed", "passed", "passed"]),
    ],
    ids=["also without us", "not when run alone"],
)
def test_a_test_that_ends_both_ways_is_named_and_no_difference(plain: list[str], audited: list[str]) -> None:
    found = compared(plain=plain, audited=audited)
    assert found.holds
    assert found.unsteady == ["test"]
    assert any(line.strip().startswith("test: without us passed") for line in found.lines())


def test_a_row_of_the_table_says_both_counts_and_what_differs() -> None:
    found = compared(plain=["passed"], audited=["failed"], records=7)
    assert found.row() == "| kernel-1 | 1: 1 passed | 1: 1 passed | 1 | 0 | 7 |"
    assert found.row().count("|") == HEADER[0].count("|")
