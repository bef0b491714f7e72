"""A file that holds nothing of ours, or cannot be read by its form: the finding says what it is and what to do."""

import json
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from otel_mcp_audit.verify import NOTHING_VERIFIED, verify
from tests.verify.exports import splunk_export
from tests.verify.trails import body, chained, checked, trail

LINES = trail(4)
TABLE = [{"preview": False, "offset": 0, "result": {"_time": "2026", "user": "alice"}}]

SEEN = {
    "XML or HTML": b"<?xml version='1.0' encoding='UTF-8'?>\n<results preview='0'>\n</results>\n",
    "text in UTF-16": b"".join(LINES).decode().encode("utf-16"),
    "a zip archive or a spreadsheet": b"PK\x03\x04\x14\x00\x08\x00",
    "a file packed by zstd": b"\x28\xb5\x2f\xfd\x04\x58",
    "a file packed by xz": b"\xfd7zXZ\x00\x00\x04",
    "a file packed by bzip2": b"BZh91AY&SY",
    "a file packed by lz4": b"\x04\x22\x4d\x18\x64",
    "a file packed by snappy": b"\xff\x06\x00\x00sNaPpY",
    "Parquet": b"PAR1\x15\x04\x15\x10",
    "Avro": b"Obj\x01\x04\x16avro.schema",
    "an SQLite database": b"SQLite format 3\x00\x10\x00",
    "spans in OTLP JSON": b'{"resourceSpans":[{"resource":{},"scopeSpans":[]}]}\n',
    "metrics in OTLP JSON": b'{"resourceMetrics":[]}\n',
    "log records in OTLP JSON, none of ours": b'{"resourceLogs":[{"resource":{},"scopeLogs":[]}]}\n',
    "Splunk search results without _raw": json.dumps(TABLE[0]).encode() + b"\n",
    "a page of Datadog logs without message": b'{\n  "data": [],\n  "meta": {"status": "done"}\n}\n',
    "JSON": b'[{"id": 1}]',
    "binary": b"\x0a\xd3\x01\x0a\x16\x0a\x14\x00\x01\x02",
    "CSV or other text": b'"Date","Host","Service"\n"2026","",""\n',
}


@pytest.mark.parametrize(("name", "content"), SEEN.items(), ids=SEEN)
def test_what_a_file_seems_to_be_is_named_and_what_is_read(tmp_path: Path, name: str, content: bytes) -> None:
    report = checked(tmp_path, content)
    assert report.exit_code == NOTHING_VERIFIED
    (finding,) = report.findings
    assert (finding.kind, finding.path) == ("foreign", str(tmp_path / "copy.jsonl"))
    assert f"It looks like {name}: " in str(finding.detail)
    assert "Read are journal lines, bare or in JSON, JSON Lines or CSV, also gzipped" in str(finding.detail)


def test_what_has_no_form_is_only_said_to_hold_nothing(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, b"\xe2\x82\xac\n").findings
    assert str(finding.detail).startswith("there is no journal line in it. Read are")


@pytest.mark.parametrize("content", SEEN.values(), ids=SEEN)
def test_it_costs_nothing_of_a_good_file_beside_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1.bin").write_bytes(content)
    (tmp_path / "2.json").write_bytes(splunk_export(LINES))
    report = verify([tmp_path])
    assert (report.records, [finding.kind for finding in report.findings]) == (4, ["foreign"])


@pytest.mark.parametrize("quote", ['"', "&quot;"], ids=["quotes as they are", "quotes as entities"])
def test_no_line_in_xml_is_called_altered_for_being_spelled_anew(tmp_path: Path, quote: str) -> None:
    lines = chained([body(n, value="R&D <b>") for n in (1, 2)])
    events = [escape(line.decode().rstrip("\n")).replace('"', quote) for line in lines]
    rows = "".join(f"<field k='_raw'><v xml:space='preserve' trim='0'>{event}</v></field>\n" for event in events)
    report = checked(tmp_path, f"<?xml version='1.0'?>\n<results preview='0'>\n{rows}</results>\n".encode())
    assert [finding.kind for finding in report.findings] == ["foreign"]
    assert report.exit_code == NOTHING_VERIFIED


def test_a_damaged_beginning_costs_one_line_only(tmp_path: Path) -> None:
    """What looks like another form is read all the same."""
    damaged = b"\xff\xfe" + b"".join(LINES)[2:]
    assert checked(tmp_path, damaged).records == 3
