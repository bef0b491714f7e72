"""The table of routes as Markdown, from the results of test runs: ``python table.py RESULTS...``.

Results are the JSON lines that tests append to the file that ``AUDIT_ROUTES`` names; of a row that was run more than
once the last one counts.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Result = dict[str, Any]


def main(paths: Iterable[str]) -> None:
    """Print the table."""
    results = [json.loads(line) for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines()]
    print("\n".join(table(list({result["route"]: result for result in results}.values()))))


def table(results: list[Result]) -> Iterator[str]:
    """Its lines, in the order of the rules; what is not true stands out."""
    yield "| route | rule | start | sinks | records of calls made | destination | |"
    yield "|---|---|---|---|---|---|---|"
    for result in sorted(results, key=lambda result: result["rule"]):
        sinks = ", ".join(f"`{sink}`" for sink in result["sinks"]) or "–"
        found = f"{result['records']} of {result['calls']}"
        if result["copies"] > 1:
            found = f"{found}, {result['copies']} copies of each"
        said = "ok" if result["ok"] else "**WRONG**"
        cells = (result["route"], str(result["rule"]), result["start"], sinks, found, result["destination"], said)
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
