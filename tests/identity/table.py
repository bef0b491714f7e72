"""The identity table as Markdown: ``python -m tests.identity.table RESULTS...``.

Results are the JSON lines that tests append to the file that ``AUDIT_IDENTITY`` names, in as many runs as there are
releases. A cell says how many cases of the row's test are as they should be; what is not stands out.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Result = dict[str, Any]


def main(paths: Iterable[str]) -> None:
    """Print the table; of a case that was run more than once in a release the last run counts."""
    lines = [json.loads(line) for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines()]
    last = {(line["release"], line["row"], line["test"]): line for line in lines}
    print("\n".join(table(list(last.values()))))


def table(results: list[Result]) -> Iterator[str]:
    """Its lines: a row for each thing that is known of a caller, a column for each release."""
    releases = sorted({result["release"] for result in results}, key=_natural)
    yield f"| what is known | test | {' | '.join(releases)} |"
    yield "|---" * (2 + len(releases)) + "|"
    for row, test in dict.fromkeys((result["row"], _function(result)) for result in results):
        of_test = [each for each in results if (each["row"], _function(each)) == (row, test)]
        cells = [_cell([each["ok"] for each in of_test if each["release"] == name]) for name in releases]
        yield f"| {row} | `{test}` | {' | '.join(cells)} |"


def _function(result: Result) -> str:
    return result["test"].rpartition("::")[2].partition("[")[0]


def _cell(ok: list[bool]) -> str:
    return f"{'' if ok and all(ok) else '**WRONG** '}{sum(ok)}/{len(ok)}"


def _natural(release: str) -> list[tuple[bool, int, str]]:
    """Releases in the order of their numbers, the SDK's before the framework's."""
    parts = re.split(r"(\d+)", release.replace("mcp", "a", 1) if release.startswith("mcp") else release)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


if __name__ == "__main__":
    main(sys.argv[1:])
