"""``python -m tests.compat [--short] [UPSTREAM...]``: prints both counts and the difference, and fails on one."""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.compat.bench import Bench, wheel
from tests.compat.comparison import HEADER, Comparison, compare
from tests.compat.suite import BrokeOff
from tests.compat.upstreams import UPSTREAMS


def main() -> int:
    """Compare each upstream that was named, or all; ``--short``: those that have a short form, and only that."""
    parser = argparse.ArgumentParser(prog="python -m tests.compat")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("upstreams", nargs="*", metavar="UPSTREAM", choices=[[], *UPSTREAMS])
    given = parser.parse_args()
    names = given.upstreams or [name for name, upstream in UPSTREAMS.items() if upstream.short or not given.short]
    ours = wheel()
    ran = [_compared(Bench(name, UPSTREAMS[name]), ours, short=given.short) for name in names]
    print("", *HEADER, *(found.row() for found in ran if found), sep="\n")
    return 0 if all(found and found.holds for found in ran) else 1


def _compared(bench: Bench, ours: Path, *, short: bool) -> Comparison | None:
    """None, and why is printed, where the environment could not be made or a run did not come to its end."""
    try:
        bench.set_up(ours)
    except subprocess.CalledProcessError as error:
        print(f"{bench.folder.name}: no environment: {' '.join(error.cmd[2:5])} failed as it said above", flush=True)
        return None
    results = bench.folder / ("short" if short else "full")
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir()
    begun = time.monotonic()
    try:
        found = compare(bench, results, bench.upstream.short if short else ())
    except BrokeOff as error:
        print(f"{bench.folder.name}: not compared: {error}", flush=True)
        return None
    print(*found.lines(), f"  took:        {time.monotonic() - begun:.0f} s", sep="\n", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
