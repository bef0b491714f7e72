"""A part is found by what it is made of, is missed aloud, and is made of nothing that has another hash."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.parts.part import GET, NEEDS, programs
from tests.require import VARIABLE


def get(get: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([get, *arguments], env=os.environ | environ, capture_output=True, text=True, check=False)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The script and its recipes, to be changed."""
    shutil.copytree(GET.parent, tmp_path / "parts")
    return tmp_path / "parts" / "get"


@pytest.mark.parametrize("name", NEEDS)
def test_a_part_stands_under_a_hash_of_what_it_is_made_of(copied: Path, tmp_path: Path, name: str) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    found = get(copied, "--where", name, **cache).stdout
    assert found == get(GET, "--where", name, **cache).stdout
    assert Path(found).is_relative_to(tmp_path)
    with next(file for file in (copied.parent / name).iterdir() if file.is_file()).open("a") as recipe:
        recipe.write("\n")
    assert get(copied, "--where", name, **cache).stdout != found


@pytest.mark.parametrize(
    ("name", "missing"), [("kafka", "java"), ("victorialogs", "https://go.dev/dl"), ("seaweedfs", "make .uv/bin/uv")]
)
def test_where_a_tool_is_missing_it_is_named(copied: Path, tmp_path: Path, name: str, missing: str) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in (
        "bash",
        "basename",
        "cat",
        "cut",
        "dirname",
        "find",
        "mkdir",
        "mktemp",
        "rm",
        "sha256sum",
        "shasum",
        "sort",
    ):
        if found := shutil.which(tool):
            (tools / tool).symlink_to(found)
    done = get(copied, name, PATH=str(tools), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 1
    assert missing in done.stderr
    assert not Path(get(copied, "--where", name, XDG_CACHE_HOME=str(tmp_path / "cache")).stdout.strip()).exists()


_MAVEN = """#!/bin/sh
for word; do
    case $word in -DoutputDirectory=*) mkdir -p "${word#*=}"; echo other > "${word#*=}/kafka-clients-4.4.0.jar" ;; esac
done
"""


def test_a_jar_that_is_not_the_committed_one_is_refused(tmp_path: Path) -> None:
    """Maven's place is taken: no repository can be made to hand out another jar."""
    for name, text in (("mvn", _MAVEN), ("java", "#!/bin/sh\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = get(GET, "kafka", **environ)
    assert done.returncode == 1
    assert "kafka-clients-4.4.0.jar" in done.stdout + done.stderr
    assert not list((tmp_path / "cache").rglob("*.jar"))


@pytest.mark.parametrize(
    ("required", "outcome"), [("", pytest.skip.Exception), ("nothing", pytest.fail.Exception)], ids=["here", "in CI"]
)
def test_a_part_that_is_not_there_is_missed_aloud(
    monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv(VARIABLE, required)
    with pytest.raises(outcome, match=r"nothing is missing: tests/parts/get nothing gets it"):
        programs("nothing")
