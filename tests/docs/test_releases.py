"""The page of supported releases says what the matrix runs and what the code takes."""

import importlib.util
import re
from typing import Any, Final

import pytest

from otel_mcp_audit.instrumentation.releases import RELEASES
from tests.docs.pages import ROOT
from tests.docs.rows import codes, page, rows

PAGE: Final = page("reference/releases.md")
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")


def noxfile() -> Any:
    """The matrix itself."""
    spec = importlib.util.spec_from_file_location("noxfile", ROOT / "noxfile.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tested_releases_are_those_of_the_matrix() -> None:
    matrix = noxfile()
    full: dict[str, set[str]] = {}
    short: dict[str, set[str]] = {}
    for name, leg in matrix.LEGS.items():
        if name.startswith(("mcp", "fastmcp")):
            place = full if "tests/scenes" in leg.tests else short
            place.setdefault(leg.kernel[0], set()).add(leg.python or "3.11")
    documented = {codes(row[1])[0]: (set(codes(row[2])), set(codes(row[3]))) for row in rows(PAGE, "release")}
    assert documented == {name: (full.get(name, set()), short.get(name, set())) for name in full | short}


@pytest.mark.parametrize("package", RELEASES)
@pytest.mark.parametrize("text", [PAGE, README], ids=["reference", "readme"])
def test_the_supported_range_is_the_one_that_the_code_takes(package: str, text: str) -> None:
    release = RELEASES[package]
    ranges = re.findall(rf"\b{package} >= (\d+)\.(\d+), < (\d+)", text)
    assert ranges
    assert set(ranges) == {(str(release.first[0]), str(release.first[1]), str(release.end[0]))}
