"""A run of a suite counts only if it came to its end."""

import sys
from pathlib import Path
from typing import Final

import pytest

from tests.compat.bench import INSIDE, Bench
from tests.compat.suite import ATTEMPTS, BrokeOff, Suite
from tests.compat.upstreams import Upstream

BREAKS: Final = """
import os
from pathlib import Path

def test_passes(): pass

def test_breaks_off():
    tried = Path("tried")
    before = len(tried.read_text()) if tried.exists() else 0
    tried.write_text("x" * (before + 1))
    if before < {times}:
        os._exit(3)
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """This environment, and an upstream's source that is still empty."""
    monkeypatch.setenv("PYTHONPATH", str(INSIDE))
    made = Bench("breaking", Upstream("breaking", "==1"))
    made.python, made.switch, made.source = Path(sys.executable), tmp_path / "switch", tmp_path / "source"
    (made.source / "breaking-1" / "tests").mkdir(parents=True)
    return made


def breaking(bench: Bench, times: int) -> Suite:
    (bench.suite / "tests" / "test_it.py").write_text(BREAKS.format(times=times), encoding="utf-8")
    return Suite(bench, bench.source.parent)


def test_a_run_that_broke_off_is_run_again_and_never_compared(bench: Bench) -> None:
    outcomes = breaking(bench, 1).run("plain", (), None, workers=0)
    assert outcomes == {"tests/test_it.py::test_passes": "passed", "tests/test_it.py::test_breaks_off": "passed"}


def test_one_that_breaks_off_again_and_again_is_an_error_that_names_its_log(bench: Bench) -> None:
    with pytest.raises(BrokeOff, match=rf"broke off {ATTEMPTS} times: see .*plain\.log"):
        breaking(bench, ATTEMPTS).run("plain", (), None, workers=0)
    assert len((bench.suite / "tried").read_text(encoding="utf-8")) == ATTEMPTS
