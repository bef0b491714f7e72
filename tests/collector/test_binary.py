"""The binary is found by what it is built from, is missed aloud, and its sources are those of its manifest."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.collector.binary import CONFIG, SHIPPED, TEST, binary
from tests.require import VARIABLE, require

BUILDER: Final = CONFIG / "builder"
_MODULE: Final = re.compile(r"gomod: (\S+ v\S+)")


def where(builder: Path, cache: Path) -> Path:
    require("go", shutil.which("go"), "install Go 1.25 or newer")
    environ = os.environ | {"XDG_CACHE_HOME": str(cache)}
    done = subprocess.run([builder / "build", "--where"], env=environ, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def test_a_binary_stands_under_a_hash_of_its_sources(tmp_path: Path) -> None:
    copy = tmp_path / "builder"
    shutil.copytree(BUILDER, copy)
    found = where(copy, tmp_path / "cache")
    assert found == where(BUILDER, tmp_path / "cache")
    assert found.is_relative_to(tmp_path / "cache")
    with (copy / SHIPPED / "go.sum").open("a", encoding="utf-8") as sums:
        sums.write("one more line\n")
    assert where(copy, tmp_path / "cache") != found


def test_where_there_is_no_go_the_build_says_what_is_missing() -> None:
    environ = {"PATH": "/nowhere", "HOME": "/nowhere"}
    bash = shutil.which("bash")
    assert bash
    line = [bash, "-c", f"dirname() {{ echo {BUILDER}; }}; source {BUILDER / 'build'}"]
    done = subprocess.run(line, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "https://go.dev/dl" in done.stderr


@pytest.mark.parametrize(
    ("required", "outcome"), [("", pytest.skip.Exception), ("collector", pytest.fail.Exception)], ids=["here", "in CI"]
)
def test_a_binary_that_was_not_built_is_missed_aloud(
    monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv(VARIABLE, required)
    with pytest.raises(outcome, match=r"collector is missing: collector-config/builder/build nothing builds it"):
        binary("nothing")


@pytest.mark.parametrize("name", [SHIPPED, TEST])
def test_the_sources_are_those_of_the_manifest(name: str) -> None:
    named = set(_MODULE.findall((BUILDER / f"{name}.yaml").read_text(encoding="utf-8")))
    required = (BUILDER / name / "go.mod").read_text(encoding="utf-8")
    main = (BUILDER / name / "components.go").read_text(encoding="utf-8") + (BUILDER / name / "main.go").read_text(
        "utf-8"
    )
    assert named
    assert {module for module in named if f"\t{module}\n" not in required} == set()
    assert {module for module in named if f'"{module}"' not in main} == set()
