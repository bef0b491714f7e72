import json
import os
import stat
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_mcp_audit import seal
from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Cursor, Stream
from otel_mcp_audit.journal.home import Home
from otel_mcp_audit.journal.memory import Memory
from otel_mcp_audit.journal.stream import LONGEST_KEPT
from otel_mcp_audit.line import Head
from tests.journal.streams import assert_chain, body, every, file_lines, folder_of, header, ids, segment_files, sequence


@pytest.fixture(params=["folder", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "folder" else None


def test_records_are_kept_in_order_sealed_and_linked(root: Path | None):
    stream = Stream.create(root)
    entries = [stream.append(body(f"call-{n}", pad=n)) for n in range(40)]
    lines = every(stream.reader())
    assert lines == [entry.line for entry in entries]
    assert_chain(lines, stream.id)
    assert [entry.link.seq for entry in entries] == list(range(1, 41))
    assert all(seal.written_hash(entry.line) == entry.hash for entry in entries)
    stream.close()


def test_the_files_hold_what_was_acknowledged_and_nothing_else(tmp_path: Path):
    stream = Stream.create(tmp_path)
    entry = stream.append(header())
    assert stream.path == tmp_path / stream.id
    assert (tmp_path / stream.id / "000000000001.jsonl").read_bytes() == entry.line + b"\n"
    assert (tmp_path / stream.id / "000000000001.starts").read_bytes() == b""
    assert uuid.UUID(stream.id).version == 4
    stream.close()


@pytest.mark.parametrize("umask", [0, 0o022, 0o277])
def test_folders_are_0700_and_files_0600_whatever_the_umask(tmp_path: Path, umask: int):
    before = os.umask(umask)
    try:
        stream = Stream.create(tmp_path / "new" / "journal")
        stream.append(header())
        Cursor(segment=1).save(folder_of(stream) / "otlp.cursor")
    finally:
        os.umask(before)
    assert stream.path is not None
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    stream.close()


def test_the_head_is_the_last_record(root: Path | None):
    stream = Stream.create(root)
    assert stream.head is None
    entry = stream.append(header())
    assert stream.head == Head(entry.hash, 1, stream.id)
    stream.close()


def test_a_call_is_open_from_its_start_to_its_record(root: Path | None):
    stream = Stream.create(root)
    stream.begin("a", body("a"))
    stream.begin("b", body("b"))
    stream.append(body("a"), ends="a")
    assert dict(stream.open_calls) == {"b": body("b")}
    stream.close()


def test_a_record_of_a_call_that_never_began_is_kept(root: Path | None):
    stream = Stream.create(root)
    assert stream.append(body("a"), ends="a").link.seq == 1
    stream.close()


def test_a_full_segment_is_followed_by_one_named_after_the_next_record(tmp_path: Path):
    stream = Stream.create(tmp_path, segment_bytes=4000)
    for n in range(20):
        stream.append(body(f"call-{n}"))
    assert stream.path is not None
    files = segment_files(stream.path)
    assert len(files) > 3
    for path in files:
        lines = path.read_bytes().splitlines()
        assert path.stat().st_size <= 4000
        assert sequence(lines)[0] == int(path.stem)
    assert_chain(file_lines(stream.path), stream.id)
    stream.close()


def test_a_record_larger_than_a_segment_is_kept_alone(root: Path | None):
    stream = Stream.create(root, segment_bytes=100)
    for n in range(3):
        stream.append(body(f"call-{n}"))
    assert stream.reader().segments() == [1, 2, 3]
    stream.close()


def test_open_calls_move_to_the_next_start_file_and_the_old_one_goes(tmp_path: Path):
    stream = Stream.create(tmp_path, segment_bytes=3000)
    stream.begin("open", body("open"))
    for n in range(12):
        stream.begin(f"call-{n}", body(f"call-{n}"))
        stream.append(body(f"call-{n}"), ends=f"call-{n}")
    assert stream.path is not None
    (starts,) = stream.path.glob("*.starts")
    assert starts.stem == segment_files(stream.path)[-1].stem
    assert starts.read_bytes().splitlines()[0] == body("open")
    stream.close()


def test_starts_without_records_do_not_let_the_start_file_grow_without_bound(tmp_path: Path):
    stream = Stream.create(tmp_path, segment_bytes=20_000)
    for n in range(200):
        stream.begin("again", body("again", pad=n))
    assert stream.path is not None
    (starts,) = stream.path.glob("*.starts")
    assert starts.stat().st_size < 25_000
    assert starts.read_bytes().splitlines()[-1] == body("again", pad=199)
    stream.close()


def test_a_record_that_no_reader_would_take_is_refused_and_costs_no_number(root: Path | None):
    stream = Stream.create(root)
    with pytest.raises(JournalError, match=rf"at most {LONGEST_KEPT}"):
        stream.append(body("big", pad=LONGEST_KEPT))
    assert stream.append(body("small")).link.seq == 1
    stream.close()


def test_a_closed_stream_takes_nothing_and_closes_twice(root: Path | None):
    stream = Stream.create(root)
    stream.append(header())
    stream.close()
    stream.close()
    with pytest.raises(JournalError, match="closed"):
        stream.append(body("late"))
    with pytest.raises(JournalError, match="closed"):
        stream.begin("late", body("late"))


def test_closing_removes_a_start_file_that_names_no_call_and_keeps_one_that_does(tmp_path: Path):
    done, open_ = Stream.create(tmp_path), Stream.create(tmp_path)
    for stream in (done, open_):
        stream.append(header())
    open_.begin("a", body("a"))
    done.close()
    open_.close()
    assert [path.parent.name for path in tmp_path.glob("*/*.starts")] == [open_.id]


def test_threads_share_one_chain(root: Path | None):
    stream = Stream.create(root, segment_bytes=50_000)

    def work(name: str) -> None:
        for n in range(100):
            stream.begin(f"{name}-{n}", body(f"{name}-{n}"))
            stream.append(body(f"{name}-{n}"), ends=f"{name}-{n}")

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = every(stream.reader(), records=500, limit=1 << 20)
    assert_chain(lines, stream.id)
    assert sorted(ids(lines)) == sorted(f"t{t}-{n}" for t in range(8) for n in range(100))
    assert not stream.open_calls
    stream.close()


def test_two_writers_in_one_folder_have_a_stream_each(tmp_path: Path):
    streams = [Stream.create(tmp_path) for _ in range(2)]
    for n in range(10):
        for stream in streams:
            stream.append(body(f"call-{n}"))
    for stream in streams:
        assert stream.path is not None
        assert_chain(file_lines(stream.path), stream.id)
        stream.close()
    assert len(list(tmp_path.iterdir())) == 2


def test_the_size_is_that_of_the_files(tmp_path: Path):
    stream = Stream.create(tmp_path, segment_bytes=4000)
    for n in range(20):
        stream.begin(f"call-{n}", body(f"call-{n}"))
        stream.append(body(f"call-{n}"), ends=f"call-{n}")
    assert stream.path is not None
    assert stream.size_bytes == sum(path.stat().st_size for path in stream.path.iterdir())
    stream.close()


def test_an_append_interrupted_after_its_write_leaves_no_line_and_no_number_behind(
    root: Path | None, monkeypatch: pytest.MonkeyPatch
):
    stream = Stream.create(root)
    stream.append(header())
    store = Home if root else Memory
    keep: Callable[[Any, bytes, int], None] = store.keep

    def interrupted(self: Any, line: bytes, seq: int) -> None:
        keep(self, line, seq)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "keep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stream.append(body("interrupted"))
    monkeypatch.undo()
    stream.append(body("next"))
    lines = every(stream.reader())
    assert ids(lines) == ["start", "next"]
    assert_chain(lines, stream.id)
    stream.close()


def test_a_signal_handler_inside_an_append_is_refused_at_once_and_harms_nothing(
    root: Path | None, monkeypatch: pytest.MonkeyPatch
):
    stream = Stream.create(root)
    store = Home if root else Memory
    keep: Callable[[Any, bytes, int], None] = store.keep
    monkeypatch.setattr("otel_mcp_audit.journal.stream._WAIT_S", 1e6)
    refused: list[str] = []

    def handled(self: Any, line: bytes, seq: int) -> None:
        monkeypatch.setattr(store, "keep", keep)
        with pytest.raises(JournalError, match="busy") as caught:
            stream.append(body("from-the-handler"))
        refused.append(str(caught.value))
        stream.close()
        keep(self, line, seq)

    monkeypatch.setattr(store, "keep", handled)
    entry = stream.append(header())
    assert len(refused) == 1
    assert json.loads(entry.line)["chain"]["seq"] == 1


def test_a_stream_that_cannot_be_made_says_where_and_why(tmp_path: Path):
    (tmp_path / "journal").write_text("a file", encoding="utf-8")
    with pytest.raises(JournalError, match="journal"):
        Stream.create(tmp_path / "journal")


def test_an_abandoned_stream_takes_nothing_and_leaves_its_files_as_they_are(root: Path | None):
    stream = Stream.create(root)
    stream.append(header())
    stream.begin("open", body("open"))
    before = {path: path.read_bytes() for path in (root or Path("/nowhere")).rglob("*") if path.is_file()}
    stream.abandon()
    stream.abandon()
    stream.close()
    with pytest.raises(JournalError, match="closed"):
        stream.append(body("late"))
    assert {path: path.read_bytes() for path in before} == before
