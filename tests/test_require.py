"""A missing part is never passed over in silence."""

import pytest

from tests.require import VARIABLE, require, witness


@pytest.mark.parametrize("required", ["all", "tmpfs", "docker, tmpfs"])
def test_a_required_part_that_is_missing_fails_with_the_mend(required: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, required)
    with pytest.raises(pytest.fail.Exception, match="tmpfs is missing: run as root"):
        require("tmpfs", available=False, mend="run as root")


@pytest.mark.parametrize("required", ["", "docker"])
def test_a_part_that_is_not_required_is_skipped_aloud(required: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, required)
    with pytest.raises(pytest.skip.Exception, match="tmpfs is missing: run as root"):
        require("tmpfs", available=False, mend="run as root")


def test_a_part_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "all")
    require("tmpfs", available=True, mend="run as root")


def test_a_witness_that_is_missing_is_skipped_aloud_and_one_that_is_there_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "all")
    witness("strace", available=True, mend="install it")
    with pytest.raises(pytest.skip.Exception, match="strace is missing: install it"):
        witness("strace", available=False, mend="install it")
