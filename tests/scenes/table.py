"""The scenario table as Markdown, release by release: ``python table.py RESULTS...``; ``make scenes`` runs all legs.

Results are the JSON lines that tests append to the file that ``AUDIT_SCENES`` names, with the id of each row's test.
A row that ran on several Pythons is as it should be only if it was on each.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

Result = dict[str, Any]


class Row(NamedTuple):
    """A row of the table."""

    scenario: str
    style: str


class Cell(NamedTuple):
    """A cell: a row of one transport."""

    row: Row
    transport: str


def main(paths: Iterable[str]) -> None:
    """Print one table for each release; a cell says records of calls, and the outcome that the records say."""
    results = [json.loads(line) for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines()]
    for kernel in sorted({result["kernel"] for result in results}, key=_natural):
        print("\n".join(table(kernel, [result for result in results if result["kernel"] == kernel])), end="\n\n")


def table(kernel: str, results: list[Result]) -> Iterator[str]:
    """The lines of one release's table; what is not true stands out."""
    transports = sorted({result["transport"] for result in results})
    cells: dict[Cell, list[Result]] = {}
    for result in results:
        cells.setdefault(Cell(Row(result["scenario"], result["style"]), result["transport"]), []).append(result)
    good = sum(all(each["ok"] for each in found) for found in cells.values())
    pythons = ", ".join(sorted({result["python"] for result in results}))
    yield f"### {kernel} (Python {pythons}): {good} of {len(cells)} cells as they should be"
    yield ""
    yield _line("scenario", "server", *transports)
    yield _line(*["---"] * (2 + len(transports)))
    for row in dict.fromkeys(cell.row for cell in cells):
        yield _line(row.scenario, row.style, *(_text(cells.get(Cell(row, transport), [])) for transport in transports))


def _text(found: list[Result]) -> str:
    """What was found: what is wrong first, else the newest."""
    if not found:
        return ""
    result = next((each for each in found if not each["ok"]), found[-1])
    said = f"{result['records']} of {result['calls']} {result['outcome']}".rstrip()
    return said if result["ok"] else f"**WRONG** {said}"


def _natural(kernel: str) -> list[tuple[bool, int, str]]:
    """Releases in the order of their numbers."""
    parts = re.split(r"(\d+)", kernel)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
