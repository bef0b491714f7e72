"""The scenario table as Markdown, from the results of test runs: ``python table.py RESULTS...``.

Results are the JSON lines that tests append to the file that ``AUDIT_SCENES`` names; of a row that was run more than
once the last one counts.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

Result = dict[str, Any]


class Row(NamedTuple):
    """A row of the table."""

    scenario: str
    style: str


def main(paths: Iterable[str]) -> None:
    """Print one table for each kernel; a cell says records of calls, and the outcome that the records say."""
    results = [json.loads(line) for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines()]
    for kernel in dict.fromkeys(result["kernel"] for result in results):
        print("\n".join(table(kernel, [result for result in results if result["kernel"] == kernel])), end="\n\n")


def table(kernel: str, results: list[Result]) -> Iterator[str]:
    """The lines of one kernel's table; what is not true stands out."""
    transports = sorted({result["transport"] for result in results})
    cells = {(Row(result["scenario"], result["style"]), result["transport"]): _cell(result) for result in results}
    yield f"### {kernel}: {sum(map(_ok, results))} of {len(results)} rows as they should be"
    yield ""
    yield _line("scenario", "server", *transports)
    yield _line(*["---"] * (2 + len(transports)))
    for row in dict.fromkeys(row for row, _ in cells):
        yield _line(row.scenario, row.style, *(cells.get((row, transport), "") for transport in transports))


def _ok(result: Result) -> bool:
    return bool(result["ok"])


def _cell(result: Result) -> str:
    found = f"{result['records']} of {result['calls']} {result['outcome']}".rstrip()
    return found if _ok(result) else f"**WRONG** {found}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
