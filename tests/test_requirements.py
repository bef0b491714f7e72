"""What is promised and what is tested are one list, checked in both directions."""

import ast
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
REQUIREMENTS: list[dict[str, Any]] = tomllib.loads((TESTS / "requirements.toml").read_text(encoding="utf-8"))[
    "requirement"
]
NAMED = [(each["id"], test) for each in REQUIREMENTS for test in each["tests"]]
SOURCES = {
    "promise": {"complete", "true", "durable", "delivered", "provable", "private", "harmless"},
    **{f"work {number}": None for number in range(1, 10)},
    "releases": None,
    "routes": None,
    "strict": None,
    "loader": None,
    "doctor": None,
    "beside": None,
    "trail": None,
    "metrics": None,
    "elsewhere": None,
    "methods": None,
    "refused": None,
    "identity": None,
    "collector": None,
    "bad input: hostile arguments": None,
    "bad input: a token without claims": None,
    "bad input: an unwritable or full folder": None,
    "bad input: two versions of us on one folder": None,
    "bad input: a clock set back": None,
    "bad input: a corrupt journal, start file or cursor": None,
    "bad input: an endpoint that lies, hangs, refuses one, refuses all": None,
    "bad input: a wrong variable": None,
    "bad input: a setting that is not built yet": None,
    "bad input: nothing to verify": None,
    "bad input: a wrong variable of the Collector's": None,
}
"""What was asked for: each has at least one requirement; where ids are listed, exactly these."""


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in found if node.name.startswith("test_"))


@pytest.mark.parametrize(("requirement", "test"), NAMED)
def test_a_named_test_is_there(requirement: str, test: str) -> None:
    file, _, function = test.partition("::")
    assert (ROOT / file).is_file(), f"{requirement}: there is no {file}"
    assert functions(file), f"{requirement}: {file} tests nothing"
    assert not function or function in functions(file), f"{requirement}: {file} has no {function}"


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda each: each["id"])
def test_a_requirement_is_one_sentence_with_a_source_and_a_test(requirement: dict[str, Any]) -> None:
    assert set(requirement) == {"id", "source", "promise", "tests"}
    assert requirement["promise"].endswith(".")
    assert requirement["source"] in SOURCES
    assert requirement["tests"]
    assert len(set(requirement["tests"])) == len(requirement["tests"])


def test_no_id_is_given_twice() -> None:
    assert not [name for name, times in Counter(each["id"] for each in REQUIREMENTS).items() if times > 1]


@pytest.mark.parametrize("source", SOURCES)
def test_what_was_asked_for_has_its_requirements(source: str) -> None:
    ids = {each["id"] for each in REQUIREMENTS if each["source"] == source}
    assert ids
    assert SOURCES[source] in {None, frozenset(ids)}


def test_every_test_file_shows_something_that_is_promised() -> None:
    there = {path.relative_to(ROOT).as_posix() for path in TESTS.rglob("test_*.py")}
    assert there - {test.partition("::")[0] for _, test in NAMED} == set()
