"""Hostile and broken streams in the folder: passed over with a word, never an exception."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_mcp_audit.journal import Stream, find, heads
from otel_mcp_audit.journal.listing import stream_folders
from tests.journal.ordinary import USER, needs_root
from tests.journal.streams import (
    HERE,
    age,
    body,
    file_lines,
    found,
    header,
    left,
    segment_files,
    stop,
)


def corrupt_header(folder: Path) -> None:
    segment_files(folder)[0].write_bytes(b"{junk}\n")


def header_of_another_kind(folder: Path) -> None:
    segment_files(folder)[0].write_bytes(file_lines(left(folder.parent.parent / "elsewhere", body("a")))[0] + b"\n")


def header_is_a_link(folder: Path) -> None:
    segment = segment_files(folder)[0]
    segment.rename(folder.parent / "target")
    segment.symlink_to(folder.parent / "target")


def stream_is_a_link(folder: Path) -> None:
    folder.rename(folder.parent / "target")
    folder.symlink_to(folder.parent / "target")


def stream_is_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.touch()


def foreign(folder: Path) -> None:
    os.chown(folder, USER, USER)


def lock_is_a_link(folder: Path) -> None:
    (folder / "lock").unlink()
    (folder / "lock").symlink_to(folder / "target")
    (folder / "target").touch()


@pytest.mark.parametrize(
    "spoil",
    [
        corrupt_header,
        header_of_another_kind,
        header_is_a_link,
        stream_is_a_link,
        stream_is_a_file,
        pytest.param(foreign, marks=needs_root),
        lock_is_a_link,
    ],
)
def test_a_stream_that_cannot_be_trusted_is_passed_over_with_a_word_and_the_others_are_found(
    tmp_path: Path, spoil: Callable[[Path], None]
):
    root = tmp_path / "root"
    bad, good = left(root), left(root)
    spoil(bad)
    said: list[str] = []
    assert found(root, report=said.append) == [good.name]
    (problem,) = said
    assert bad.name in problem


def test_an_over_long_header_is_passed_over_with_a_word(tmp_path: Path):
    bad = left(tmp_path)
    segment_files(bad)[0].write_bytes(b"x" * 2_000_000 + b"\n{}\n")
    said: list[str] = []
    assert found(tmp_path, report=said.append) == []
    assert bad.name in said[0]


def test_a_stream_whose_end_cannot_be_repaired_is_found_but_not_adopted_and_says_why(tmp_path: Path):
    folder = left(tmp_path)
    (orphan,) = find(tmp_path, HERE)
    segment_files(folder)[0].write_bytes(b"junk\n")
    assert orphan.adopt() is None
    assert orphan.problem is not None
    assert "no sound line" in orphan.problem
    segment_files(folder)[0].unlink()
    assert orphan.adopt() is None


def test_only_names_of_streams_are_looked_at(tmp_path: Path):
    folder = left(tmp_path)
    for name in ("notes", folder.name.upper() + "x", f"{{{folder.name}}}", folder.name.replace("-", "")):
        (tmp_path / name).mkdir()
    assert [path for _, path in stream_folders(tmp_path)] == [folder]


def test_a_folder_that_is_not_there_has_no_orphans_and_says_so(tmp_path: Path):
    said: list[str] = []
    assert found(tmp_path / "nowhere", report=said.append) == []
    assert len(said) == 1


def test_heads_are_those_of_streams_that_have_ended_the_newest_first(tmp_path: Path):
    ended = [left(tmp_path, end=stop) for _ in range(3)]
    for n, folder in enumerate(ended):
        age(folder, 100 - n)
    living = Stream.create(tmp_path)
    living.append(header())
    unsound = left(tmp_path)
    corrupt_header(unsound)
    found = heads(tmp_path)
    assert [head.stream for head in found] == [folder.name for folder in reversed(ended)]
    assert [head.seq for head in found] == [2, 2, 2]
    assert heads(tmp_path, limit=1) == found[:1]
    assert heads(tmp_path / "nowhere") == []
    living.close()


def test_the_head_of_a_torn_stream_is_its_last_whole_line(tmp_path: Path):
    folder = left(tmp_path)
    with segment_files(folder)[0].open("ab") as file:
        file.write(b'{"chain"')
    (head,) = heads(tmp_path)
    assert head.seq == 1


def test_a_head_that_cannot_be_read_is_left_out(tmp_path: Path):
    good, bad = left(tmp_path), left(tmp_path)
    header_is_a_link(bad)
    assert [head.stream for head in heads(tmp_path)] == [good.name]
