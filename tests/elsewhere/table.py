"""What ran elsewhere, release by release, as Markdown: ``python -m tests.elsewhere.table RESULTS...``.

Results are the JSON lines that tests append to the file that ``AUDIT_ELSEWHERE`` names, of as many runs as there are
releases; of a cell that was run more than once the last one counts.
"""

import json
import sys
from pathlib import Path
from typing import Final

RESULTS: Final = "AUDIT_ELSEWHERE"
"""Variable: the file that the cells of the table are appended to."""

_FOLDER: Final = "tests/elsewhere/"


def main(paths: list[str]) -> None:
    """Print one row for each mode, one column for each release; a cell is the test that showed it."""
    lines = [line for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines()]
    cells = {(cell["mode"], cell["kernel"]): cell for cell in map(json.loads, lines)}
    kernels = sorted({kernel for _, kernel in cells})
    print(f"| mode | {' | '.join(kernels)} |\n|{'---|' * (len(kernels) + 1)}")
    for mode in dict.fromkeys(mode for mode, _ in cells):
        shown = [_cell(cells[mode, kernel]) if (mode, kernel) in cells else "–" for kernel in kernels]
        print(f"| {mode} | {' | '.join(shown)} |")


def _cell(cell: dict[str, object]) -> str:
    test = str(cell["test"]).removeprefix(_FOLDER)
    return test if cell["ok"] else f"**failed** {test}"


if __name__ == "__main__":
    main(sys.argv[1:])
