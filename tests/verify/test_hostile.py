"""Files that were made to hurt: bounded time and memory, never a crash, never sound."""

import gzip
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from otel_mcp_audit.verify import files, verify
from tests.require import require
from tests.verify.exports import splunk_results
from tests.verify.trails import checked, found, journal, trail
from tests.verify.wrappings import archive, table_csv

MIB = 1024 * 1024

HOSTILE = {
    "deep arrays": b"[" * 10_000,
    "deep objects": b'{"a":' * 10_000,
    "deep objects closed": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep chains": b'{"chain":{"v":' * 10_000,
    "deep chains closed": b'{"chain":{"v":' * 10_000 + b"1" + b"}}" * 10_000,
    "deep line": b'{"chain":{"prev":"x","seq":1,"stream":"s","v":' + b"[" * 10_000 + b"]" * 10_000 + b'},"event":{}}',
    "many keys": b'{"a":1,' + b'"chain":{"v":1},' * 20_000 + b'"b":1}',
    "many keys unclosed": b'{"a":1,' + b'"chain":{"v":1},' * 20_000,
    "many keys in one string": b'"' + b'\\"chain\\":{\\"v\\":1},' * 20_000 + b'"',
    "many beginnings": b'{"chain":{"prev":"' * 20_000,
    "many quoted beginnings": b'"{\\"chain\\":{\\"prev\\":\\"' * 15_000,
    "many keys in one string without end": b'"' + b'\\"chain\\":{\\"v\\":1},' * 20_000,
    "many quoted keys outside of strings": b'\\"chain\\":{\\"v\\":1},\n' * 20_000,
    "many doubled keys outside of cells": b'""chain"":{""v"":1},\n' * 20_000,
    "many cells": b'"{""chain"":{""prev"":""' * 15_000,
    "many lines of keys": b'"chain": {\n' * 20_000,
    "many keys without an object": b'"chain": {"v": 1},\n' * 20_000,
    "many keys in one object": b'{"a": 1,\n' + b'"chain": {"v": 1},\n' * 20_000,
    "many objects in objects": b'{"a": 1,\n"chain": {"v": 1},"b":\n' * 20_000,
    "many broken strings": b'{"chain": {"v": 1}, "x": "no end\n' * 15_000,
    "many open lines": b'{"chain": {\n"prev": "x",\n' * 15_000,
    "many torn requests": b'{"resourceLogs":' * 20_000,
    "backslashes": b'"' + b"\\" * MIB + b'chain\\":{',
    "quotes": b'"' * MIB + b'chain":{"v":1',
    "nothing but NUL": bytes(3 * MIB),
    "junk": random.Random(5).randbytes(3 * MIB),
    "junk lines": b"\n".join(random.Random(6).randbytes(40) for _ in range(20_000)),
    "one long line": b"x" * (100 * MIB),
    "one long line of JSON": b'{"a":"' + b"y" * (20 * MIB) + b'"}\n',
    "line ends": b"\n" * (MIB // 4),
    "torn UTF-8": b'{"chain":{"prev":"\xff\xfe","seq":1,"stream":"\xc3","v":1},"event":{},"seal":{"hash":"0"}}\n',
    "half a character": b'{"chain":{"prev":"","seq":1,"stream":"\\ud800","v":1},"event":{},"seal":{"hash":"0"}}\n',
    "a huge number": b'{"chain":{"prev":"","seq":' + b"9" * 5000 + b',"stream":"s","v":1},"seal":{"hash":"0"}}\n',
    "not a number": b'{"chain":{"prev":"","seq":NaN,"stream":"s","v":Infinity},"event":{},"seal":{"hash":"0"}}\n',
    "wrong types": b'{"chain":{"prev":[],"seq":{},"stream":7,"v":1},"event":[],"seal":{"hash":[]}}\n',
    "no event": b'{"chain":{"prev":"","seq":1,"stream":"s","v":1},"seal":{"hash":"0"}}\n',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_not_sound_and_does_no_harm(tmp_path: Path, content: bytes) -> None:
    report = checked(tmp_path, content)
    assert (report.ok, report.records) == (False, 0)
    assert report.findings


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_beside_a_good_one_costs_nothing_of_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1").write_bytes(archive(trail(4)))
    (tmp_path / "2").write_bytes(content)
    (tmp_path / "3").write_bytes(table_csv(trail(8)[4:]))
    report = verify([tmp_path])
    assert report.records == 8
    assert "missing_seq" not in {kind for kind, _ in found(report)}


def test_a_gzip_bomb_is_given_up_early(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(400 * MIB), 9)
    read: list[int] = []
    path = tmp_path / "bomb.gz"
    path.write_bytes(bomb)
    report = verify([path], progress=read.append)
    (finding,) = report.findings
    assert (finding.kind, report.exit_code) == ("unreadable", 2)
    assert "times its size" in str(finding.detail)
    assert sum(read) < files.UNPACKED_FREE + files.UNPACKED_RATIO * len(bomb) + files.PIECE


def test_a_damaged_gzip_file_is_unreadable_and_what_came_before_is_counted(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(trail(400)))
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    report = verify([tmp_path])
    assert ("unreadable", None) in found(report)
    assert report.records > 0


_PEAK = (
    "import sys; from pathlib import Path; from otel_mcp_audit.verify import files, verify\n"
    "peak = lambda: int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]) // 1024\n"
    "files.PIECE = int(sys.argv[2])\n"
    "before = peak(); code = verify([Path(sys.argv[1])]).exit_code; print(code, peak() - before)"
)
"""Verifies a file, and prints the exit status and by how many MiB the most memory that it ever had has grown.

Not by getrusage(2), whose peak begins with that of the parent.
"""


def _peak(path: Path, piece: int) -> tuple[int, int]:
    require("procfs", Path("/proc/self/status").exists(), "run it on Linux")
    run = subprocess.run([sys.executable, "-c", _PEAK, path, str(piece)], capture_output=True, text=True, check=True)
    code, grown = map(int, run.stdout.split())
    return code, grown


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """One line of 200 MiB, read in a process of its own."""
    path = tmp_path / "long.json"
    with path.open("wb") as file:
        file.write(b'{"rows":["')
        for _ in range(50):
            file.write(b"z" * (4 * MIB))
        file.write(b'"]}')
    code, grown = _peak(path, files.PIECE)
    assert code == 2
    assert grown < 6 * files.PIECE // MIB


def test_memory_does_not_grow_with_an_export_of_records_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(splunk_results(trail(500) * 20))
    assert path.stat().st_size > 16 * MIB
    code, grown = _peak(path, MIB // 2)
    assert code == 0
    assert grown < 10, grown


def test_links_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere" / "secret.jsonl"
    secret.parent.mkdir()
    secret.write_bytes(b"".join(trail(3)))
    given = tmp_path / "given"
    given.mkdir()
    (given / "link.jsonl").symlink_to(secret)
    (given / "folder").symlink_to(secret.parent)
    (given / "loop").symlink_to(given)
    (given / "self").symlink_to(given / "self")
    (given / "nowhere").symlink_to(tmp_path / "gone")
    report = verify([given])
    assert report.records == 0
    refused = {Path(str(finding.path)).name for finding in report.findings if finding.kind == "unreadable"}
    assert refused == {"folder", "link.jsonl", "self", "nowhere"}
    assert len(report.findings) == 4


def test_a_link_within_the_folder_is_another_name_of_what_is_read_anyway(tmp_path: Path) -> None:
    (tmp_path / "2026-11-24.jsonl").write_bytes(b"".join(trail(3)))
    (tmp_path / "current.jsonl").symlink_to(tmp_path / "2026-11-24.jsonl")
    report = verify([tmp_path])
    assert (report.ok, report.records) == (True, 3)


def test_a_link_that_was_named_itself_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").write_bytes(b"".join(trail(3)))
    (tmp_path / "link").symlink_to(tmp_path / "real.jsonl")
    assert verify([tmp_path / "link"]).ok


def test_a_pipe_in_a_folder_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (finding,) = verify([tmp_path]).findings
    assert (finding.kind, finding.detail) == ("unreadable", "no plain file")


def test_files_of_the_journal_that_hold_no_sealed_lines_are_passed_over(tmp_path: Path) -> None:
    root = journal(tmp_path, trail(3))
    folder = next(root.iterdir())
    (folder / "000000000001.starts").write_bytes(b'{"event":{}}\n')
    (folder / "otlp.quarantine.jsonl").write_bytes(b'{"line":"{}"}\n')
    (folder / ".otlp.cursor.new").write_bytes(b"{")
    report = verify([root])
    assert report.ok
    assert report.notes == []
