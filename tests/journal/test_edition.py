"""What another version writes: it is neither adopted, altered nor removed, and it is said why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from otel_mcp_audit import verify
from otel_mcp_audit.journal import Budget, Stream, edition
from otel_mcp_audit.journal.orphans import Orphan
from tests.journal.declared import Declared
from tests.journal.future import FUTURES, snapshot
from tests.journal.streams import HERE, age, body, crash, delivered, folder_of, found, header, left, stop

Future = Callable[[Path], None]


def two_lines(stream: Stream) -> None:
    stream.append(body("second"))
    crash(stream)


@pytest.mark.parametrize("future", FUTURES)
def test_it_is_neither_found_nor_adopted_and_stays_as_it_is(tmp_path: Path, future: Future) -> None:
    folder, ours = left(tmp_path, end=two_lines), left(tmp_path, end=two_lines)
    future(folder)
    age(folder, 3600)
    before, said = snapshot(folder), list[str]()
    assert found(tmp_path, report=said.append) == [ours.name]
    orphan = Orphan(folder, HERE)
    assert orphan.adopt() is None
    assert said == [orphan.problem]
    assert "format 2" in said[0]
    assert snapshot(folder) == before


def test_without_its_lock_file_it_gets_none_of_ours(tmp_path: Path) -> None:
    folder = left(tmp_path, end=two_lines)
    FUTURES[0](folder)
    (folder / "lock").unlink()
    age(folder, 3600)
    before = snapshot(folder)
    assert Orphan(folder, HERE).adopt() is None
    assert snapshot(folder) == before


@pytest.mark.parametrize("future", FUTURES)
def test_the_budget_leaves_it_even_where_all_of_it_was_delivered(tmp_path: Path, future: Future) -> None:
    folder, ours = left(tmp_path, end=stop), left(tmp_path, end=stop)
    future(folder)
    for each in (folder, ours):
        delivered(each)
        for starts in each.glob("*.starts"):
            starts.unlink()
    before = snapshot(folder)
    declared = Declared(tmp_path)
    assert Budget(tmp_path, 1).make_room(set(), declared) > 0
    assert [cut.stream for cut in declared] == [ours.name]
    assert snapshot(folder) == before


def test_the_budget_leaves_its_old_segments_too(tmp_path: Path) -> None:
    stream = Stream.create(tmp_path, segment_bytes=1)
    stream.append(header())
    for number in range(3):
        stream.append(body(f"{number}"))
    crash(stream)
    folder = folder_of(stream)
    newest = max(folder.glob("*.jsonl"))
    newest.write_bytes(newest.read_bytes().replace(b'"v":1', b'"v":2'))
    delivered(folder)
    before = snapshot(folder)
    assert len(before) > 4
    assert Budget(tmp_path, 1).make_room(set(), Declared(tmp_path)) == 0
    assert snapshot(folder) == before


@pytest.mark.parametrize("future", FUTURES)
def test_verify_calls_it_unknown_and_not_altered(tmp_path: Path, future: Future) -> None:
    folder = left(tmp_path, end=two_lines)
    future(folder)
    kinds = {finding.kind for finding in verify.verify([folder]).findings}
    assert "altered" not in kinds
    assert future.__name__.endswith("unlike") or "unknown_version" in kinds


@pytest.mark.parametrize("text", [b"", b"{}\n", b"no line\n", b'{"chain":{"v":"2"}}\n', b"\xff\n"])
def test_what_is_no_line_at_all_is_no_other_version(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "000000000001.jsonl").write_bytes(text)
    assert edition.foreign(tmp_path) is None
