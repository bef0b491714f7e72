"""The table of companions as Markdown, from what tests appended to ``AUDIT_BESIDE``: ``python -m ... RESULTS``."""

import json
import sys
from pathlib import Path
from typing import Final

COLUMNS: Final = ("companion", "kernel", "transport", "calls", "records", "spans", "scopes")


def main(path: Path) -> None:
    """Print the table: ``spans`` are those tied to a record, ``scopes`` all that wrote any span."""
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        cells = (", ".join(row[name]) if name == "scopes" else str(row[name]) for name in COLUMNS)
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
