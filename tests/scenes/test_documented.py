"""What the reference says of the installed release is what its scenes expect of it."""

import re
from typing import Final

import pytest

from tests.docs.rows import codes, page, rows
from tests.scenes import http_runs, kernel, scenes, stdio_runs
from tests.scenes.kernel import STYLES, Style

MAJOR: Final = kernel.VERSION.partition(".")[0]
COLUMNS: Final[dict[Style, str]] = {
    "framework": f"mcp {MAJOR}.x",
    "lowlevel": f"low-level {MAJOR}.x",
    "fastmcp": f"fastmcp {kernel.FASTMCP}",
}


def expected(style: Style) -> dict[str, str]:
    """The outcome of each scene; where nothing else is said, of the era that has sessions."""
    interrupted = (scenes.blocking(style), http_runs.ENDED, stdio_runs.CUT_OFF)
    every = (*scenes.ordinary(style), *scenes.behind_auth(style), *interrupted)
    return {scene.name: scene.expected.outcome for scene in every}


@pytest.mark.parametrize("style", STYLES)
def test_the_documented_outcomes_are_the_expected_ones(style: Style) -> None:
    text = page("reference/releases.md")
    header = next(line for line in text.splitlines() if line.startswith("| what happens"))
    column = [cell.strip() for cell in header.strip("|").split("|")].index(COLUMNS[style])
    documented = {re.sub("`", "", row[0]): codes(row[column]) for row in rows(text, "what happens")}
    if kernel.VERSION.startswith("1.21."):  # early 1.x lets calls go on whose transport is gone, which the page says
        documented |= {"session ended in flight": ["success"], "stdin closed in flight": ["success"]}
    assert {name: outcome[0] for name, outcome in documented.items() if outcome} == expected(style)
