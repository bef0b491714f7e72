"""The table of refusals as Markdown, release by release: ``python table.py RESULTS...``.

Results are the JSON lines that tests append to the file that ``AUDIT_REFUSED`` names, with the id of each test. A
cell says the HTTP status, how many records the request has, and the reason or the outcome that they say.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

Result = dict[str, Any]

TRANSPORTS: Final = ("stateful", "stateless", "json", "sse")


def main(paths: Iterable[str]) -> None:
    """Print one table for each release."""
    results = [json.loads(line) for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines()]
    for kernel in dict.fromkeys(result["kernel"] for result in results):
        print("\n".join(table(kernel, [result for result in results if result["kernel"] == kernel])), end="\n\n")


def table(kernel: str, results: list[Result]) -> Iterator[str]:
    """The lines of one release's table; what is not as it should be stands out."""
    cells = {(result["attempt"], result["transport"]): result for result in results}
    good = sum(result["ok"] for result in cells.values())
    yield f"### {kernel}: {good} of {len(cells)} cells as they should be"
    yield ""
    yield _line("attempt", *TRANSPORTS)
    yield _line(*["---"] * (1 + len(TRANSPORTS)))
    for attempt in dict.fromkeys(result["attempt"] for result in results):
        yield _line(attempt, *(_text(cells.get((attempt, transport))) for transport in TRANSPORTS))


def _text(result: Result | None) -> str:
    if result is None:
        return ""
    found = str(result["found"])
    return found if result["ok"] else f"**WRONG** {found}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
