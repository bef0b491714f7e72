"""Runs a suite, with and without auditing."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.compat import outcomes
from tests.compat.bench import Bench
from tests.compat.outcomes import Outcomes

WALL: Final = 1500.0
"""Seconds that a run may take before it is ended."""

TIMEOUT: Final = 30
"""Seconds for one test: the upstreams' own limits are made for machines that do nothing else."""

WORKERS: Final = 2

ENDED: Final = (0, 1)
"""How pytest ends where all tests were run, passed or failed. A suite that plays with signals can end its own run."""

ATTEMPTS: Final = 3


class BrokeOff(Exception):  # noqa: N818 -- what the run did
    """A run did not come to its end: what it reported until then shows nothing. The text names its log."""


class Suite:
    """The tests of an upstream.

    Args:
        bench: where they are run.
        results: an existing folder for what the runs leave: outcomes, pytest's output, the journals.
    """

    def __init__(self, bench: Bench, results: Path) -> None:
        self._bench = bench
        self._results = results

    def run(self, name: str, tests: Sequence[str], journal: Path | None, workers: int = WORKERS) -> Outcomes:
        """Run tests; audited where there is a journal folder to audit into.

        Args:
            name: of this run, for its files.
            tests: files, folders or test ids; empty: all.
            journal: folder of the journal, or None.
            workers: processes that share the tests.

        Raises:
            BrokeOff: again and again, or it took too long.
        """
        found = self._results / f"{name}.jsonl"
        for _ in range(ATTEMPTS):
            found.unlink(missing_ok=True)
            self._switch(journal)
            try:
                ended = self._pytest(name, found, tests, workers)
            finally:
                self._switch(None)
            if ended in ENDED:
                return outcomes.read(found)
        raise BrokeOff(f"pytest broke off {ATTEMPTS} times: see {self._results / name}.log")

    def _switch(self, journal: Path | None) -> None:
        self._bench.switch.unlink(missing_ok=True)
        if journal is not None:
            self._bench.switch.write_text(str(journal), encoding="utf-8")

    def _pytest(self, name: str, found: Path, tests: Sequence[str], workers: int) -> int:
        """How pytest ended."""
        chosen = self._results / f"{name}.txt"
        chosen.write_text("\n".join(tests or ["tests"]), encoding="utf-8")
        left_out = [f"--ignore={path}" for path in self._bench.upstream.left_out]
        options = ["-q", "-p", "compat_outcomes", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
        spread = ["-n", str(workers), "--dist", "loadfile", "--timeout", str(TIMEOUT)]
        command = ["nice", "-n", "10", str(self._bench.python), "-m", "pytest", *options, *spread, *left_out]
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PYTEST_"))}
        with (self._results / f"{name}.log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [*command, f"@{chosen}"],
                cwd=self._bench.suite,
                env={**inherited, "COMPAT_OUTCOMES": str(found)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            try:
                return process.wait(WALL)
            except subprocess.TimeoutExpired:
                process.terminate()
                process.wait()
                raise BrokeOff(f"pytest had not ended after {WALL:g} s: see {log.name}") from None
