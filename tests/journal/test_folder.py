import os
import stat
import tempfile
from pathlib import Path

import pytest

from otel_mcp_audit.errors import ConfigurationError, JournalError
from otel_mcp_audit.journal import choose, disk, ladder, prepare
from tests.journal.ordinary import USER, Ordinary, needs_root


@pytest.fixture
def rungs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose home and temporary folder are below the test's own."""
    for variable in ("STATE_DIRECTORY", "XDG_STATE_HOME", "TMPDIR"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path


def test_the_service_manager_s_folder_comes_first(rungs: Path, monkeypatch: pytest.MonkeyPatch):
    (rungs / "state").mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", f"{rungs}/state:{rungs}/other")
    assert choose(None, os.environ) == rungs / "state" / "otel-mcp-audit"


def test_then_the_user_s_state_folder_which_is_made_for_this_user_alone(rungs: Path):
    found = choose(None, os.environ)
    assert found == rungs / "home" / ".local" / "state" / "otel-mcp-audit"
    assert found is not None
    for made in (found, *found.parents[:2]):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert list(found.iterdir()) == []


def test_an_empty_setting_is_none(rungs: Path):
    assert choose("", os.environ) == choose(None, os.environ)


@pytest.mark.parametrize("state", ["relative", "", ":", ":/absolute"])
def test_a_state_folder_that_is_not_absolute_is_passed_over(rungs: Path, monkeypatch: pytest.MonkeyPatch, state: str):
    monkeypatch.setenv("STATE_DIRECTORY", state)
    assert choose(None, os.environ) == rungs / "home" / ".local" / "state" / "otel-mcp-audit"


def test_without_a_usable_home_the_temporary_folder_serves_with_the_user_s_number(
    rungs: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", "/dev/null/nonexistent")
    assert choose(None, os.environ) == rungs / "tmp" / f"otel-mcp-audit-{os.geteuid()}"


def test_where_nothing_can_be_used_memory_is_left(rungs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/dev/null/nonexistent")
    monkeypatch.setattr("tempfile.tempdir", "/dev/null")
    assert choose(None, os.environ) is None


@needs_root
def test_a_user_without_home_account_or_rights_is_left_with_memory(ordinary: Ordinary):
    def work() -> str:
        os.environ.pop("HOME", None)
        os.environ.pop("XDG_STATE_HOME", None)
        tempfile.tempdir = "/"
        found = [str(path) for path in ladder({})]
        return f"{choose(None, {})} {found}"

    assert ordinary.run(work) == f"None ['/otel-mcp-audit-{USER}']"


@needs_root
def test_a_home_that_does_not_exist_and_cannot_be_made_is_passed_over(ordinary: Ordinary):
    def work() -> str:
        os.environ["HOME"] = "/nonexistent"
        os.environ.pop("XDG_STATE_HOME", None)
        tempfile.tempdir = str(ordinary.folder)
        return str(choose(None, {}))

    assert ordinary.run(work) == f"{ordinary.folder}/otel-mcp-audit-{USER}"
    assert not Path("/nonexistent").exists()


def test_the_ladder_makes_nothing(rungs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STATE_DIRECTORY", f"{rungs}/state")
    assert [path.parent for path in ladder(os.environ)] == [
        rungs / "state",
        rungs / "home" / ".local" / "state",
        rungs / "tmp",
    ]
    assert sorted(path.name for path in rungs.rglob("*")) == ["home", "tmp"]


def test_an_explicit_folder_is_made_with_those_above_it(tmp_path: Path):
    wanted = tmp_path / "a" / "b"
    assert choose(str(wanted), {}) == wanted
    assert stat.S_IMODE(wanted.stat().st_mode) == stat.S_IMODE(wanted.parent.stat().st_mode) == 0o700


def test_a_relative_folder_is_taken_from_where_we_are_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert choose("journal", {}) == tmp_path / "journal"


def test_a_folder_that_others_may_read_is_its_owner_s_choice(tmp_path: Path):
    (tmp_path / "journal").mkdir(mode=0o755)
    assert choose(str(tmp_path / "journal"), {}) == tmp_path / "journal"
    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o755


def linked(place: Path) -> None:
    place.with_name("target").mkdir()
    place.symlink_to(place.with_name("target"))


def writable_by_group(place: Path) -> None:
    place.mkdir()
    place.chmod(0o770)


def writable_by_all(place: Path) -> None:
    place.mkdir()
    place.chmod(0o707)


def foreign(place: Path) -> None:
    place.mkdir(mode=0o700)
    os.chown(place, USER, USER)


def a_file(place: Path) -> None:
    place.write_bytes(b"")


def below_a_folder_of_all(place: Path) -> None:
    place.mkdir()
    place.parent.chmod(0o777)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (linked, "symbolic link: name the folder itself"),
        (writable_by_group, "chmod go-w"),
        (writable_by_all, "chmod go-w"),
        pytest.param(foreign, f"belongs to user {USER}, not to user 0: change its owner", marks=needs_root),
        (a_file, "is no folder"),
        (below_a_folder_of_all, "anybody can replace"),
    ],
)
def test_an_explicit_folder_that_cannot_be_trusted_is_refused_with_the_mend(tmp_path: Path, make: object, words: str):
    place = tmp_path / "parent" / "journal"
    place.parent.mkdir()
    make(place)  # pyright: ignore[reportCallIssue] -- one of the functions above
    with pytest.raises(ConfigurationError) as caught:
        choose(str(place), {})
    text = str(caught.value)
    assert text.startswith(f"OTEL_MCP_AUDIT_DIR={place}: ")
    assert words in text


def test_a_sticky_folder_of_all_will_do_as_parent(tmp_path: Path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    assert choose(str(tmp_path / "tmp" / "journal"), {})


def test_a_folder_that_cannot_be_made_is_refused_with_the_reason(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"OTEL_MCP_AUDIT_DIR=.*Not a directory.*name a folder"):
        choose(str(tmp_path / "file" / "journal"), {})


@needs_root
def test_a_folder_in_which_no_file_can_be_made_is_refused(ordinary: Ordinary):
    def work() -> str:
        ordinary.folder.chmod(0o500)
        try:
            choose(str(ordinary.folder), {})
        except ConfigurationError as error:
            return str(error)
        return "accepted"

    assert "no file can be made" in ordinary.run(work)


@needs_root
def test_another_user_s_folder_in_the_temporary_folder_is_not_walked_into(ordinary: Ordinary):
    """Somebody else was there first, with the name that we would take."""
    trap = ordinary.place / f"otel-mcp-audit-{USER}"

    def work() -> str:
        os.environ["HOME"] = "/nonexistent"
        tempfile.tempdir = str(ordinary.place)
        return str(choose(None, {}))

    ordinary.place.chmod(0o1777)
    trap.mkdir(mode=0o777)
    assert ordinary.run(work) == "None"


def test_a_folder_is_made_once_by_two_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place = tmp_path / "journal"
    mkdir = Path.mkdir

    def late(self: Path, mode: int = 0o777, **named: bool) -> None:
        if self == place and not self.exists():
            mkdir(self, 0o700)
        mkdir(self, mode, **named)

    monkeypatch.setattr(Path, "mkdir", late)
    prepare(place)
    assert place.is_dir()


def test_preparing_names_the_folder_and_the_mend(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(JournalError, match=f"{tmp_path}/file/x cannot be used .*: name a folder"):
        prepare(tmp_path / "file" / "x")


def test_a_user_without_a_home_or_a_temporary_folder_has_a_shorter_ladder(rungs: Path, monkeypatch: pytest.MonkeyPatch):
    def none() -> str:
        raise FileNotFoundError

    def unknown() -> str:
        raise RuntimeError

    monkeypatch.setattr("tempfile.gettempdir", none)
    monkeypatch.setattr("platformdirs.user_state_dir", unknown)
    assert list(ladder({"STATE_DIRECTORY": str(rungs)})) == [rungs / "otel-mcp-audit"]


def test_a_folder_in_which_no_file_can_be_made_names_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_: Path) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "create", full)
    with pytest.raises(ConfigurationError, match=r"no file can be made in folder .*No space left on device"):
        choose(str(tmp_path / "journal"), {})
