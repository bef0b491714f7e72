"""A journal folder as a whole: living writers, streams that headers name, copies compared with it."""

import fcntl
from pathlib import Path

import msgspec
import pytest

from otel_mcp_audit.journal import Stream
from otel_mcp_audit.verify import size, verify
from tests.verify.exports import splunk_results
from tests.verify.trails import OTHER, STREAM, body, checked, found, head, journal, trail
from tests.verify.wrappings import archive

LINES = trail(9)


def test_a_journal_written_by_the_real_writer_is_sound_while_it_is_written(tmp_path: Path) -> None:
    root = tmp_path / "journal"
    root.mkdir(mode=0o700)
    stream = Stream.create(root, segment_bytes=8000)
    for number in range(1, 40):
        stream.append(body(number, "audit_start" if number == 1 else "tool_call"))
    report = verify([root])
    assert (report.ok, report.records, report.streams, report.notes) == (True, 39, 1, [])
    stream.close()
    assert verify([root]).notes == [f"stream {stream.id}: open-ended, no audit_stop after record 39"]
    assert len(list(root.glob("*/*.jsonl"))) > 1


def test_a_half_line_of_a_living_writer_is_no_finding(tmp_path: Path) -> None:
    root = journal(tmp_path, LINES)
    segment = next(root.glob("*/*.jsonl"))
    for torn in (10, 200, 900):
        segment.write_bytes(b"".join(LINES[:8]) + LINES[8][:torn])
        assert found(verify([root])) == [("torn", 9)]
        with (segment.parent / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert verify([root]).ok


def test_a_half_line_before_the_end_is_a_finding_whoever_writes(tmp_path: Path) -> None:
    root = journal(tmp_path, LINES)
    segment = next(root.glob("*/*.jsonl"))
    segment.write_bytes(b"".join(LINES[:4]) + LINES[4][:300] + b"".join(LINES[4:]))
    with (segment.parent / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert found(verify([root])) == [("torn", 5)]


def test_a_stream_that_a_header_names_and_that_is_gone_is_missing_from_a_journal(tmp_path: Path) -> None:
    root = journal(tmp_path, trail(3, OTHER, heads=[head(LINES)]))
    (finding,) = verify([root]).findings
    assert (finding.kind, finding.stream, finding.seq) == ("missing_stream", STREAM, 9)


def test_from_a_copy_it_may_be_absent_which_is_told(tmp_path: Path) -> None:
    report = checked(tmp_path, archive(trail(3, OTHER, heads=[head(LINES)])))
    assert report.ok
    assert report.notes == ["1 earlier stream is named by headers and not in this input"]


def test_a_segment_that_was_written_anew_is_altered_even_if_it_says_the_same(tmp_path: Path) -> None:
    root = journal(tmp_path, LINES)
    segment = next(root.glob("*/*.jsonl"))
    segment.write_bytes(segment.read_bytes().replace(b"\\u001b", b"\\u001B"))
    assert {kind for kind, _ in found(verify([root]))} == {"altered"}
    assert checked(tmp_path, segment.read_bytes()).ok


def test_a_file_of_another_sort_in_a_journal_is_told(tmp_path: Path) -> None:
    root = journal(tmp_path, LINES)
    (root / "README.txt").write_text("hello\n", encoding="utf-8")
    report = verify([root])
    assert report.ok
    assert report.notes == [f"{root}/README.txt: not a segment, and no journal line in it"]


def test_a_segment_of_something_else_is_a_finding(tmp_path: Path) -> None:
    root = journal(tmp_path, LINES)
    (root / STREAM / "000000000010.jsonl").write_text("hello\n", encoding="utf-8")
    assert found(verify([root])) == [("foreign", None)]


def test_what_the_journal_has_and_the_copy_lacks_is_missing(tmp_path: Path) -> None:
    root = journal(tmp_path / "journal", LINES)
    copy = tmp_path / "copy"
    copy.write_bytes(archive(LINES[:3] + LINES[4:7]))
    report = verify([copy], against=root)
    assert [(m.seq, m.stream) for m in report.missing or ()] == [(4, STREAM), (8, STREAM), (9, STREAM)]
    assert report.missing
    assert report.missing[0].id == "019a0000-0000-7000-8000-000000000004"
    assert found(report) == [("missing_seq", 4)]
    assert report.exit_code == 1


def test_one_copy_can_be_held_against_another_so_that_each_place_is_told(tmp_path: Path) -> None:
    root = journal(tmp_path / "journal", LINES)
    (tmp_path / "archive.jsonl").write_bytes(archive(LINES[:8]))
    (tmp_path / "siem.json").write_bytes(splunk_results([*LINES[:3], *LINES[4:7]]))
    on_the_way = verify([tmp_path / "archive.jsonl"], against=root)
    at_the_end = verify([tmp_path / "siem.json"], against=tmp_path / "archive.jsonl")
    assert [m.seq for m in on_the_way.missing or ()] == [9]
    assert [m.seq for m in at_the_end.missing or ()] == [4, 8]


def test_a_copy_that_lacks_only_its_newest_records_is_not_complete(tmp_path: Path) -> None:
    root = journal(tmp_path / "journal", LINES)
    copy = tmp_path / "copy"
    copy.write_bytes(archive(LINES[:7]))
    report = verify([copy], against=root)
    assert (report.findings, report.exit_code, report.as_dict()["ok"]) == ([], 1, False)
    assert [m["seq"] for m in report.as_dict()["missing"]] == [8, 9]


def test_a_whole_copy_misses_nothing(tmp_path: Path) -> None:
    root = journal(tmp_path / "journal", LINES, trail(4, OTHER))
    copy = tmp_path / "copy"
    copy.write_bytes(archive(LINES + trail(4, OTHER)))
    report = verify([copy], against=root)
    assert (report.ok, report.missing, report.as_dict()["missing"]) == (True, [], [])


def test_a_copy_with_another_record_than_the_journal_is_a_fork(tmp_path: Path) -> None:
    root = journal(tmp_path / "journal", LINES)
    copy = tmp_path / "copy"
    copy.write_bytes(archive(trail(9, closed=False)))
    report = verify([copy], against=root)
    assert found(report) == [("duplicate_seq", 9)]
    assert [m.seq for m in report.missing or ()] == [9]


def test_findings_in_the_journal_say_so(tmp_path: Path) -> None:
    root = journal(tmp_path / "journal", LINES[:4] + LINES[5:])
    copy = tmp_path / "copy"
    copy.write_bytes(archive(LINES))
    (finding,) = verify([copy], against=root).findings
    assert (finding.kind, finding.seq, finding.detail) == ("missing_seq", 5, "in the journal")


def test_a_journal_to_compare_with_that_holds_nothing_is_no_agreement(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(archive(LINES))
    report = verify([copy], against=tmp_path / "gone")
    assert report.exit_code == 1
    assert "in the journal" in str(report.findings[0].detail)


def test_one_tenants_copy_is_compared_with_that_tenants_records(tmp_path: Path) -> None:
    mixed = trail(12, tenants=("acme", "globex"))
    root = journal(tmp_path / "journal", mixed)
    copy = tmp_path / "copy"
    globex = [line for line in mixed if b'"globex"' in line]
    copy.write_bytes(archive(globex[:-1]))
    report = verify([copy], against=root, tenant="globex")
    assert [m.seq for m in report.missing or ()] == [11]
    copy.write_bytes(archive(globex))
    assert verify([copy], against=root, tenant="globex").ok


def test_missing_records_are_listed_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_mcp_audit.verify.against.LISTED", 2)
    root = journal(tmp_path / "journal", LINES)
    copy = tmp_path / "copy"
    copy.write_bytes(archive(LINES[:4]))
    report = verify([copy], against=root)
    assert len(report.missing or ()) == 2
    assert "3 more records are missing" in report.notes


def test_the_report_as_json_has_the_keys_of_the_contract_and_no_others(tmp_path: Path) -> None:
    report = checked(tmp_path, LINES[:3] + LINES[5:])
    assert msgspec.json.decode(msgspec.json.encode(report.as_dict())) == {
        "ok": False,
        "records": 7,
        "streams": 1,
        "pruned": 0,
        "findings": [{"kind": "missing_seq", "stream": STREAM, "seq": 4, "last_seq": 5, "count": 2}],
    }


def test_the_size_is_what_will_be_read(tmp_path: Path) -> None:
    root = journal(tmp_path / "journal", LINES)
    assert size([root, tmp_path / "gone"]) == sum(map(len, LINES))
