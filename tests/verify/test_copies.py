"""Copies from elsewhere: whatever form they came back in, sound ones pass and damaged ones are named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_mcp_audit.verify import verify
from otel_mcp_audit.verify.text import RECORD_LIMIT
from tests.verify.exports import EXPORTS, TWICE, datadog_page_parsed
from tests.verify.trails import OTHER, body, chained, checked, found, scanned, trail
from tests.verify.wrappings import (
    WRAPPINGS,
    Lines,
    archive,
    array_on_one_line,
    hec_events,
    indented_objects,
    kafka_dump,
    otlp_protobuf,
    otlp_request,
    search_export,
    search_export_whole,
    spaced_objects,
)

LINES = trail(6)

FORMS = [*WRAPPINGS, *EXPORTS]

each_form = pytest.mark.parametrize("wrap", FORMS, ids=lambda wrap: wrap.__name__)


@pytest.mark.parametrize("wrap", [*FORMS, *TWICE], ids=lambda wrap: wrap.__name__)
def test_a_sound_copy_passes(tmp_path: Path, wrap: Callable[[Lines], bytes]) -> None:
    report = checked(tmp_path, wrap(LINES))
    assert (report.findings, report.notes) == ([], [])
    assert (report.ok, report.records, report.streams) == (True, 6, 1)


@each_form
def test_a_copy_that_lacks_a_record_does_not(tmp_path: Path, wrap: Callable[[Lines], bytes]) -> None:
    assert found(checked(tmp_path, wrap(LINES[:3] + LINES[4:]))) == [("missing_seq", 4)]


@each_form
def test_a_copy_with_an_altered_record_names_it(tmp_path: Path, wrap: Callable[[Lines], bytes]) -> None:
    altered = LINES[3].replace(b'"id":"alice"', b'"id":"mallory"')
    report = checked(tmp_path, wrap([*LINES[:3], altered, *LINES[4:]]))
    assert found(report) == [("altered", 4)]
    assert report.records == 5


@each_form
def test_a_copy_whose_record_lost_its_hash_names_it(tmp_path: Path, wrap: Callable[[Lines], bytes]) -> None:
    bare = LINES[3][: LINES[3].rindex(b',"seal"')] + b"}\n"
    report = checked(tmp_path, wrap([*LINES[:3], bare, *LINES[4:]]))
    assert found(report) == [("unhashed", 4)]


def test_copies_of_every_form_are_one_trail(tmp_path: Path) -> None:
    for number, wrap in enumerate([*FORMS, *TWICE]):
        (tmp_path / f"{number:02}").write_bytes(wrap(LINES))
    report = verify([tmp_path])
    assert (report.ok, report.records, report.streams) == (True, 6, 1)


def test_keys_beside_a_lines_own_are_a_siems_in_its_document_and_an_alteration_on_a_line_of_its_own(
    tmp_path: Path,
) -> None:
    merged = [line.replace(b'"seal":', b'"level":"info","seal":') for line in LINES]
    assert {kind for kind, _ in found(checked(tmp_path, merged))} == {"altered"}
    assert {kind for kind, _ in found(checked(tmp_path, spaced_objects(merged)))} == {"altered"}
    assert {kind for kind, _ in found(checked(tmp_path, indented_objects(merged)))} == {"altered"}
    assert checked(tmp_path, datadog_page_parsed(merged)).ok


def test_an_archive_with_torn_and_glued_lines_gives_every_whole_record(tmp_path: Path) -> None:
    requests = [otlp_request([line]) for line in LINES]
    torn = requests[2][: requests[2].index(b'\\"event_type') + 5]
    report = checked(tmp_path, b"".join([*requests[:2], torn, *requests[2:]]))
    assert report.ok
    assert report.records == 6
    assert report.notes == [
        f"{tmp_path}/copy.jsonl:3: a torn piece; its record stands elsewhere or was never acknowledged"
    ]


def test_a_torn_request_whose_record_stands_nowhere_else_is_a_finding(tmp_path: Path) -> None:
    requests = [otlp_request([line]) for line in LINES]
    torn = requests[2][: requests[2].index(b'\\"event_type') + 5]
    report = checked(tmp_path, b"".join([*requests[:2], torn, *requests[3:]]))
    assert sorted(found(report)) == [("missing_seq", 3), ("torn", 3)]


def test_an_archive_torn_at_any_byte_never_costs_another_record() -> None:
    first, second = otlp_request(LINES[:1]), otlp_request(LINES[1:2])
    for cut in range(1, len(first)):
        report = scanned(first[:cut] + first + second)
        assert (report.ok, report.records) == (True, 2), cut


def test_a_request_torn_before_its_record_is_a_finding_only_where_the_chain_has_a_gap(tmp_path: Path) -> None:
    torn = otlp_request(LINES[2:3])[:60]
    assert checked(tmp_path, archive(LINES[:2]) + torn + archive(LINES[2:])).ok
    report = checked(tmp_path, archive(LINES[:2]) + torn + archive(LINES[3:]))
    assert sorted(kind for kind, _ in found(report)) == ["missing_seq", "torn"]


def test_a_dump_of_messages_that_breaks_off_is_torn_and_nothing_else() -> None:
    messages = b"".join(otlp_protobuf([line]) + b"\n" for line in LINES[:3])
    last = otlp_protobuf(LINES[3:4])
    begins, ends = last.index(b'{"chain":{"prev":"'), last.rindex(b'"}}') + 3
    for cut in range(begins + 20, len(last)):
        report = scanned(messages + last[:cut])
        torn = {"torn"} if cut < ends else set[str]()
        assert ({finding.kind for finding in report.findings}, report.records) == (torn, 4 - len(torn)), cut


def test_bytes_that_are_no_text_are_foreign_in_a_copy_of_lines(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, b"".join(LINES) + bytes(4096)).findings
    assert finding.kind == "foreign"


@pytest.mark.parametrize("size", range(0, 11_000, 61))
def test_whatever_length_a_message_gives_its_record_the_record_is_read(size: int) -> None:
    """The length stands right before the record, and may look like a quote, a backslash, a brace or a line end."""
    line = chained([body(1, value="x" * size)])
    report = scanned(otlp_protobuf(line) + b"\n")
    assert (report.findings, report.records) == ([], 1)


def test_an_event_of_another_product_in_an_export_is_named(tmp_path: Path) -> None:
    other = b'{"result":{"_raw":"' + b"x" * 300 + b'"}}\n'
    report = checked(tmp_path, search_export(LINES) + other)
    (finding,) = report.findings
    assert (finding.kind, finding.line, report.records) == ("foreign", 8, 6)


def test_a_key_that_belongs_to_nothing_costs_no_line_in_the_same_string(tmp_path: Path) -> None:
    text = b"".join(LINES).decode() + ', "chain": {"v": 1}, '
    assert checked(tmp_path, json.dumps({"event": text}).encode()).records == 6


def test_strings_in_strings_are_opened_up_to_a_bound(tmp_path: Path) -> None:
    text = LINES[0].decode().rstrip("\n")
    for depth in range(1, 7):
        text = json.dumps({"inner": text})
        assert checked(tmp_path, text.encode()).records == (1 if depth <= 4 else 0)


def test_long_strings_of_many_lines_are_read_to_their_end(tmp_path: Path) -> None:
    lines = trail(1200)
    assert sum(map(len, lines)) > RECORD_LIMIT
    report = checked(tmp_path, json.dumps({"values": b"".join(lines).decode()}).encode())
    assert (report.ok, report.records) == (True, 1200)


@pytest.mark.parametrize(
    "wrap", [archive, kafka_dump, search_export_whole, array_on_one_line, hec_events], ids=lambda w: w.__name__
)
def test_a_line_that_is_read_in_pieces_loses_nothing_at_their_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrap: Callable[[Lines], bytes]
) -> None:
    content = wrap(LINES)
    for size in (*range(300, 340), 1000, 4000):
        monkeypatch.setattr("otel_mcp_audit.verify.files.PIECE", size)
        report = checked(tmp_path, content)
        assert (report.ok, report.records) == (True, 6), size


FORGED = chained([body(n, value=trail(3, OTHER)[0].decode().rstrip("\n")) for n in (1, 2)])


@each_form
def test_a_line_in_a_clients_words_is_no_record(tmp_path: Path, wrap: Callable[[Lines], bytes]) -> None:
    report = checked(tmp_path, wrap(FORGED))
    assert (report.ok, report.records, report.streams) == (True, 2, 1)


@pytest.mark.parametrize("damage", [b"}", b"", b'"', b"{", b"[", b"\\"])
def test_nor_is_it_where_the_record_around_it_is_damaged(tmp_path: Path, damage: bytes) -> None:
    """Whatever the damage does to the structure, the rest of the line stays the line's."""
    whole = FORGED[1]
    for at in (at for at in (whole.index(b'"response":{') + 11, whole.index(b'"id"')) if whole[at : at + 1] != damage):
        report = checked(tmp_path, FORGED[0] + FORGED[1][:at] + damage + FORGED[1][at + 1 :])
        assert (report.records, report.streams) == (1, 1)
        assert report.exit_code == 1
