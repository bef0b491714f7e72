"""The rows that the tests of the loader noted, as a table: ``python -m tests.loader.table FILE``."""

import json
import sys
from pathlib import Path
from typing import Final

_WIDEST: Final = 110


def main(file: Path) -> None:
    """Print it."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(_cell(value) for value in row.values()) + " |")


def _cell(value: object) -> str:
    text = str(value).replace("|", "\\|")
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
