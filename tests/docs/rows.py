"""The tables of a page."""

import re
from collections.abc import Iterator
from typing import Final

from tests.docs.pages import ROOT

_CODE: Final = re.compile(r"`([^`]+)`")


def page(name: str) -> str:
    """The text of a page below ``docs``."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text: str, header: str) -> Iterator[list[str]]:
    """The rows of every table whose first column has this header, cell by cell."""
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[0] == header:
            inside = True
        elif inside and not cells[0].startswith("---"):
            yield cells


def codes(cell: str) -> list[str]:
    """What stands in a cell as code."""
    return _CODE.findall(cell)
