"""The tables of start modes and deaths as Markdown, from the results of test runs: ``python table.py RESULTS``.

Results are the JSON lines that tests append to the file that ``AUDIT_STARTS`` names; of a row that was run more than
once the last one counts.
"""

import json
import sys
from pathlib import Path
from typing import Final

COLUMNS: Final = ("mode", "calls", "records", "received", "outcomes", "streams", "servers", "stops", "status", "verify")


def main(path: str) -> None:
    """Print one row for each mode."""
    rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    last = {row["mode"]: row for row in rows}
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for row in last.values():
        print(f"| {' | '.join(_cell(row[column]) for column in COLUMNS)} |")


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items())  # pyright: ignore[reportUnknownVariableType] -- JSON
    return ", ".join(dict.fromkeys(map(str, value))) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] -- JSON


if __name__ == "__main__":
    main(sys.argv[1])
