"""Cases from the field that end at the verifier: numbers written anew, times, and targets with nothing in them."""

import csv
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from otel_mcp_audit import clock, seal
from otel_mcp_audit.line import decode_line
from otel_mcp_audit.verify import verify
from tests.verify.trails import STREAM, body, chained, checked, found, journal, trail
from tests.verify.wrappings import search_export

NUMBERS = [  # value in the line, the same field in a copy, whether it is still the same JSON number
    ("duration_us", "150312", "150312.0", True),
    ("duration_us", "150312", "1.50312e+05", True),
    ("duration_us", "150312", "1.50312E5", True),
    ("duration_us", "150312", "150311", False),
    ("duration_us", "150312", '"150312"', False),
    ("seq", "9007199254740991", "9.007199254740991e+15", True),
    ("seq", "9007199254740991", "9007199254740992", False),
    ("result_count", "0", "-0", True),
    ("result_count", "0", "-0.0", True),
    ("result_count", "0", "null", False),
    ("bytes", "1000000", "1e6", True),
    ("bytes", "1000000", "true", False),
    ("bytes", "1000000", "NaN", False),
    ("bytes", "1000000", "1" + "0" * 5000, False),
]


@pytest.mark.parametrize(("field", "line", "copy", "same"), NUMBERS)
def test_a_number_written_anew_passes_exactly_where_it_is_the_same(
    tmp_path: Path, field: str, line: str, copy: str, same: bool
) -> None:
    seq = 2**53 - 1 if field == "seq" else 1
    (sealed,) = chained([body(1)], seq=seq)
    original = f'"{field}":{line}'.encode()
    assert sealed.count(original) == 1
    report = checked(tmp_path, sealed.replace(original, f'"{field}": {copy}'.encode()))
    kinds = {kind for kind, _ in found(report)} - {"missing_seq", "link_broken"}
    assert (report.records, kinds) == ((1, set()) if same else (0, {"altered"}))
    if not same and field != "seq":
        assert found(report) == [("altered", 1)]


TIMES = [
    "2026-11-24T10:30:00.000000Z",
    "2026-11-24T10:30:00.100000Z",
    "2026-11-24T10:30:00.123456Z",
    "2026-11-24T10:30:00.999999Z",
    "2026-12-31T23:59:59.999999Z",
    "2026-03-29T01:30:00.500000Z",
    "2026-10-25T01:30:00.500000Z",
    "2028-02-29T00:00:00.000001Z",
]


def test_a_trail_verifies_from_a_table_alone_whatever_its_time_column_keeps(tmp_path: Path) -> None:
    bodies = [body(n).replace(clock.timestamp(1_795_602_600_000_000_000 + n * 1_000_000).encode(), time.encode())
              for n, time in enumerate(TIMES, 1)]  # fmt: skip
    table = sqlite3.connect(":memory:")
    table.execute("CREATE TABLE audit (timestamp TEXT, line TEXT)")
    rows = [(decode_line(line).event.timestamp[:19], line.decode().rstrip("\n")) for line in chained(bodies)]
    assert [decode_line(line.encode()).event.timestamp for _, line in rows] == TIMES
    table.executemany("INSERT INTO audit VALUES (?, ?)", rows)
    with (tmp_path / "dump.csv").open("w", encoding="utf-8", newline="") as dump:
        csv.writer(dump).writerows(table.execute("SELECT * FROM audit ORDER BY line DESC"))
    table.close()
    report = verify([tmp_path / "dump.csv"])
    assert (report.ok, report.records) == (True, len(TIMES))


def nothing_verified(path: Path, tenant: str | None = None) -> tuple[list[str], str]:
    report = verify([path], tenant=tenant)
    assert (report.ok, report.records, report.exit_code) == (False, 0, 2)
    return [f.kind for f in report.findings], " ".join(str(f.detail) for f in report.findings)


def test_an_empty_folder_is_not_sound(tmp_path: Path) -> None:
    kinds, words = nothing_verified(tmp_path)
    assert kinds == ["unreadable"]
    assert "empty" in words


def test_a_path_that_does_not_exist_is_not_sound(tmp_path: Path) -> None:
    assert nothing_verified(tmp_path / "gone") == (["unreadable"], "does not exist")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_folder_that_must_not_be_read_is_not_sound(tmp_path: Path) -> None:
    closed = journal(tmp_path / "closed", trail(3))
    closed.chmod(0)
    script = (
        "import os, sys; from pathlib import Path; from otel_mcp_audit.verify import verify\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "report = verify([Path(sys.argv[1])]); print(report.exit_code, report.findings[0].detail)"
    )
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    run = subprocess.run([sys.executable, "-c", script, closed], capture_output=True, text=True, check=False)
    closed.chmod(0o700)
    assert run.stdout.strip() == "2 cannot be read: permission denied", run.stderr


def test_a_folder_with_only_settings_and_a_lock_is_not_sound(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "settings.toml").write_text("[capture]\nlevel = 'metadata'\n", encoding="utf-8")
    kinds, words = nothing_verified(tmp_path)
    assert kinds == ["foreign"]
    assert "no journal line" in words


def test_a_journal_whose_only_segment_is_empty_is_not_sound(tmp_path: Path) -> None:
    folder = tmp_path / STREAM
    folder.mkdir()
    (folder / "000000000001.jsonl").touch()
    (folder / "lock").touch()
    kinds, words = nothing_verified(tmp_path)
    assert kinds == ["unreadable"]
    assert "empty" in words


@pytest.mark.parametrize("export", ['{"results":[]}', "[]", '{"hits":{"hits":[],"total":0}}\n', "", "\n\n"])
def test_an_export_without_events_is_not_sound(tmp_path: Path, export: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(export, encoding="utf-8")
    kinds, words = nothing_verified(path)
    assert kinds in (["unreadable"], ["foreign"])
    assert "empty" in words or "no journal line" in words


def test_another_products_lines_are_not_sound(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text('{"time":"2026-11-24","chain":"eth","event":{"name":"x"}}\n' * 9, encoding="utf-8")
    assert nothing_verified(path)[0] == ["foreign"]


def test_an_export_where_every_second_event_lost_its_hash_is_not_sound(tmp_path: Path) -> None:
    lines = [line if n % 2 else line[: line.rindex(b',"seal"')] + b"}\n" for n, line in enumerate(trail(8))]
    report = checked(tmp_path, search_export(lines))
    assert found(report) == [("unhashed", seq) for seq in (1, 3, 5, 7)]
    assert (report.records, report.exit_code) == (4, 1)


def test_lines_without_any_hash_are_not_sound(tmp_path: Path) -> None:
    path = tmp_path / "bare.jsonl"
    path.write_bytes(b"".join(line[: line.rindex(b',"seal"')] + b"}\n" for line in trail(4)))
    assert nothing_verified(path)[0] == ["unhashed"] * 4


def test_a_tenant_without_a_record_is_not_sound(tmp_path: Path) -> None:
    kinds, words = nothing_verified(journal(tmp_path, trail(5)), tenant="globex")
    assert kinds == ["foreign"]
    assert "none of the 5 records is of tenant 'globex'" in words


def test_a_mixture_names_the_part_that_could_not_be_verified(tmp_path: Path) -> None:
    journal(tmp_path / "good", trail(5))
    (tmp_path / "other.jsonl").write_text('{"level":"info"}\n', encoding="utf-8")
    (tmp_path / "empty.jsonl").touch()
    report = verify([tmp_path / "good", tmp_path / "other.jsonl", tmp_path / "empty.jsonl", tmp_path / "gone"])
    assert [(f.kind, Path(str(f.path)).name) for f in report.findings] == [
        ("foreign", "other.jsonl"),
        ("unreadable", "empty.jsonl"),
        ("unreadable", "gone"),
    ]
    assert (report.records, report.exit_code) == (5, 1)


def test_a_journal_of_altered_lines_only_was_looked_at_and_is_not_sound(tmp_path: Path) -> None:
    report = checked(tmp_path, [line.replace(b'"alice"', b'"mallo"') for line in trail(3)])
    assert (report.records, report.exit_code) == (0, 1)


def test_the_vectors_verify(tmp_path: Path) -> None:
    folder = Path(__file__).parent.parent / "vectors"
    vectors = json.loads((folder / "vectors.json").read_text(encoding="utf-8"))
    report = verify([folder / "journal.jsonl"])
    assert (report.ok, report.records) == (True, len(vectors["lines"]))
    for vector, line in zip(vectors["lines"], (folder / "journal.jsonl").read_bytes().splitlines(), strict=True):
        document = msgspec.json.decode(line)
        assert document["seal"]["hash"] == vector["hash"] == seal.written_hash(line)
    for copy in vectors["copies"]:
        assert checked(tmp_path, json.dumps(copy["document"]).encode()).records == (1 if copy["sound"] else 0)
