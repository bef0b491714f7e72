"""A small journal, damaged in every way a medium or a hand can damage it: each is found."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from otel_mcp_audit.verify.finding import NOT_VERIFIABLE
from tests.verify.trails import STREAM, body, chained, found, scanned_segment

LINES = chained([body(1, "audit_start", value="ß"), body(2, value='\u202e\x1b "\\'), body(3, "audit_stop", value="")])
JOURNAL = b"".join(LINES)
LENGTH = len(JOURNAL)


def test_the_journal_is_sound_before() -> None:
    assert scanned_segment(JOURNAL).ok


def test_every_flipped_bit_is_found() -> None:
    unseen: list[tuple[int, int]] = []
    journal = b"".join(LINES[:2])
    for at in range(len(journal)):
        for bit in range(8):
            flipped = bytearray(journal)
            flipped[at] ^= 1 << bit
            report = scanned_segment(bytes(flipped))
            if report.ok or not report.findings:
                unseen.append((at, bit))
    assert unseen == []


def test_every_byte_taken_out_is_found_but_a_line_end() -> None:
    journal = b"".join(LINES[:2])
    for at in range(len(journal)):
        report = scanned_segment(journal[:at] + journal[at + 1 :])
        assert report.ok == (journal[at : at + 1] == b"\n"), at


def test_a_tail_torn_at_every_byte_of_the_last_line_is_found() -> None:
    begin = JOURNAL.rindex(b"\n", 0, -1) + 1
    for end in range(begin + 1, LENGTH - 1):
        report = scanned_segment(JOURNAL[:end])
        assert found(report) == [("torn", 3)], end
        assert report.records == 2


def test_a_tail_cut_at_a_line_end_looks_like_a_crash_and_is_told_as_open_ended() -> None:
    report = scanned_segment(b"".join(LINES[:2]))
    assert report.ok
    assert report.notes == [f"stream {STREAM}: open-ended, no audit_stop after record 2"]


def test_a_half_line_glued_to_the_next_is_torn_and_the_next_is_read() -> None:
    first, second, third = LINES
    for cut in range(20, len(second) - 3, 7):
        report = scanned_segment(first + second[:cut] + third)
        assert found(report)[0][0] == "torn", cut
        assert {seq for _, seq in found(report)} <= {2, None}
        assert report.records == 2


@given(st.binary(min_size=1, max_size=60), st.integers(0, LENGTH))
def test_bytes_put_in_anywhere_are_found_unless_they_are_blank(put: bytes, at: int) -> None:
    report = scanned_segment(JOURNAL[:at] + put + JOURNAL[at:])
    between_lines = at in (0, LENGTH) or JOURNAL[at - 1 : at] == b"\n" or JOURNAL[at : at + 1] == b"\n"
    if not between_lines or put.strip(b" \t\r\n[]{},\xef\xbb\xbf"):
        assert not report.ok


@given(st.binary(max_size=400))
def test_no_input_makes_it_fail_or_pass(junk: bytes) -> None:
    report = scanned_segment(junk)
    assert not report.ok
    assert {finding.kind for finding in report.findings} <= NOT_VERIFIABLE | {"torn", "altered"}


def test_a_foreign_line_between_sound_ones_is_named_with_its_place() -> None:
    first, second, third = LINES
    (finding,) = scanned_segment(first + second + b'{"level":"info"}\n' + third).findings
    assert (finding.kind, finding.path, finding.line) == ("foreign", "content", 3)


def test_a_line_of_a_later_version_is_refused_by_name() -> None:
    later = chained([body(1)])[0].replace(b'"v":1', b'"v":2')
    report = scanned_segment(later)
    assert found(report) == [("unknown_version", 1)]
    assert report.exit_code == 2


def test_whole_lines_exchanged_are_no_damage(tmp_path: Path) -> None:
    first, second, third = LINES
    assert scanned_segment(third + first + second).ok
