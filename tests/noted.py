"""Tables that tests fill while they run, as Markdown: ``python -m tests.noted RESULTS...``.

A test notes a row when all that the row says was seen; it becomes a JSON line of the file that the table's variable
names. Of a row that was run more than once the last one counts.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

Note = Callable[..., None]
"""Notes the cells of a row, as many as its table has columns before the last; that one is the test."""

STRICT: Final = ("AUDIT_STRICT", ("fault", "mode", "tool", "client", "trail"))
"""Faults of the strict modes: whether the tool ran, what the client got, what the trail says."""

TRAIL: Final = ("AUDIT_TRAIL", ("record", "cause", "says"))
"""Records about the trail: what made them happen, what they say."""


def noting(table: tuple[str, Sequence[str]], request: pytest.FixtureRequest) -> Note:
    """Notes rows of a table for this test."""
    variable, columns = table

    def note(*seen: str) -> None:
        row = dict(zip((*columns, "test"), (*seen, request.node.nodeid), strict=True))
        if results := os.environ.get(variable):
            with Path(results).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    return note


def main(paths: Iterable[str]) -> None:
    """Print the table of each file."""
    for path in paths:
        rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
        print("\n".join(table(list({row["test"]: row for row in rows}.values()))))


def table(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    """Its lines, sorted by their first two cells."""
    columns = list(rows[0]) if rows else []
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in sorted(rows, key=lambda row: [row[column] for column in columns[:2]]):
        cells = [row[column] for column in columns[:-1]]
        yield f"| {' | '.join(cells)} | `{row['test'].rpartition('/')[2]}` |"


if __name__ == "__main__":
    main(sys.argv[1:])
