"""The table of records about the trail as Markdown, from test runs: ``python table.py RESULTS...``.

Results are the JSON lines that tests append to the file that ``AUDIT_TRAIL`` names, each only when all that it says was
seen; of a row that was run more than once the last one counts.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

Note = Callable[[str, str, str], None]
"""Event type, what made it happen, what the record says."""

COLUMNS = ("record", "cause", "says", "test")


def noting(request: pytest.FixtureRequest) -> Note:
    """Notes a row of the table for this test."""

    def note(*seen: str) -> None:
        results = os.environ.get("AUDIT_TRAIL")
        if results:
            row = dict(zip(COLUMNS, (*seen, request.node.nodeid), strict=True))
            with Path(results).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    return note


def main(paths: Iterable[str]) -> None:
    """Print the table."""
    rows = [json.loads(line) for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines()]
    print("\n".join(table({row["test"]: row for row in rows}.values())))


def table(rows: Iterable[dict[str, str]]) -> Iterator[str]:
    """Its lines."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|" + "---|" * len(COLUMNS)
    for row in sorted(rows, key=lambda row: (row["record"], row["cause"])):
        cells = [row[column] for column in COLUMNS[:-1]]
        yield f"| {' | '.join(cells)} | `{row['test'].rpartition('/')[2]}` |"


if __name__ == "__main__":
    main(sys.argv[1:])
