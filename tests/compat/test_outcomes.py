"""What pytest reported is one outcome a test, and two runs that did not end alike are told apart."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.compat import outcomes
from tests.compat.bench import INSIDE

SUITE: Final = """
import pytest

@pytest.fixture
def breaks():
    yield
    raise RuntimeError

def test_passes(): pass
def test_fails(): assert False
def test_breaks_afterwards(breaks): pass
def test_fails_and_breaks(breaks): assert False
@pytest.mark.skip
def test_is_skipped(): pass
@pytest.mark.xfail
def test_fails_as_expected(): assert False
@pytest.mark.xfail
def test_passes_unexpectedly(): pass
"""

ENDS: Final = {
    "test_passes": "passed",
    "test_fails": "failed",
    "test_breaks_afterwards": "error",
    "test_fails_and_breaks": "error",
    "test_is_skipped": "skipped",
    "test_fails_as_expected": "xfailed",
    "test_passes_unexpectedly": "xpassed",
}


@pytest.mark.parametrize("workers", [0, 2])
def test_each_test_has_the_one_outcome_that_it_had_with_any_number_of_workers(workers: int, tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE, encoding="utf-8")
    (tmp_path / "test_broken.py").write_text("import no_such_module", encoding="utf-8")
    found = tmp_path / "found.jsonl"
    options = ["-q", "-p", "compat_outcomes", "-n", str(workers), "--continue-on-collection-errors"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(INSIDE), "COMPAT_OUTCOMES": str(found)},
        capture_output=True,
        check=False,
    )
    ended = {f"test_suite.py::{name}": outcome for name, outcome in ENDS.items()}
    assert outcomes.read(found) == {"test_broken.py": "error", **ended}


def test_a_run_that_reported_nothing_has_no_outcomes(tmp_path: Path) -> None:
    assert outcomes.read(tmp_path / "never written") == {}


def test_tests_differ_that_ended_otherwise_or_were_on_one_side_only() -> None:
    plain = {"same": "passed", "other": "passed", "gone": "skipped"}
    audited = {"same": "passed", "other": "failed", "new": "passed"}
    assert outcomes.differing(plain, audited) == ["gone", "new", "other"]
