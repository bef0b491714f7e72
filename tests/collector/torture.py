"""Kill a Collector under load, more often than ``make test`` does: ``python -m tests.collector.torture --kills 15``.

Prints the counts as JSON; exit status 1 where anything that was acknowledged is missing anywhere.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.collector.chaos import How, endure

CALLS_PER_KILL: Final = 400
"""Of each stream."""


def main() -> int:
    """Kill, end as an operator does, and count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=15)
    kills = parser.parse_args().kills
    lost = 0
    plan: tuple[tuple[How, int], ...] = (("kill", kills), ("terminate", max(1, kills // 4)))
    for how, ends in plan:
        with tempfile.TemporaryDirectory() as folder:
            endured = endure(Path(folder), ends, CALLS_PER_KILL * ends, how)
        print(how, endured, flush=True)
        lost += endured.lost
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
