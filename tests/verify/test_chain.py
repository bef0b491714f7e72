"""The chain: what was changed, taken out, put in, doubled or forked is named; order and copies do not matter."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_mcp_audit.line import Head, Trail, decode_line
from otel_mcp_audit.verify import Chain, Report
from otel_mcp_audit.verify.finding import Place
from otel_mcp_audit.verify.line import Sealed, read
from tests.verify.trails import OTHER, STREAM, body, chained, found, head, pruned, trail

LINES = trail(12)


def judged(lines: list[bytes], tenant: str | None = None) -> Report:
    chain = Chain(tenant)
    for number, line in enumerate(lines, 1):
        reading = read(line.rstrip(b"\n"))
        assert reading is not None
        chain.take(reading, Place("lines", number))
    return chain.report()


def test_an_untouched_stream_is_sound() -> None:
    report = judged(LINES)
    assert (report.ok, report.records, report.streams, report.findings, report.notes) == (True, 12, 1, [], [])


def test_order_and_copies_do_not_matter() -> None:
    shuffled = LINES * 2
    random.Random(7).shuffle(shuffled)
    assert judged(shuffled) == judged(LINES) == judged(LINES[::-1])


@pytest.mark.parametrize("taken", range(len(LINES) - 1))
def test_a_record_taken_out_is_missing(taken: int) -> None:
    assert found(judged(LINES[:taken] + LINES[taken + 1 :])) == [("missing_seq", taken + 1)]


def test_a_range_taken_out_is_one_finding() -> None:
    (finding,) = judged(LINES[:3] + LINES[8:]).findings
    assert (finding.kind, finding.seq, finding.last_seq, finding.count) == ("missing_seq", 4, 8, 5)


def test_a_record_put_in_breaks_the_link_after_it() -> None:
    before = decode_line(LINES[4])
    forged = chained([body(99)], seq=6, prev=before.seal.hash)
    assert found(judged(LINES[:5] + forged + LINES[6:])) == [("link_broken", 7)]


def test_two_records_of_one_number_are_a_fork_whichever_came_first() -> None:
    before = decode_line(LINES[4])
    forged = chained([body(99)], seq=6, prev=before.seal.hash)
    for lines in (LINES + forged, forged + LINES, forged + LINES[::-1]):
        report = judged(lines)
        assert found(report) == [("duplicate_seq", 6)]
        assert report.records == 13


def test_a_fork_that_follows_nothing_has_a_broken_link_too() -> None:
    forged = chained([body(99)], seq=6, prev="f" * 64)
    expected = [("duplicate_seq", 6), ("link_broken", 6)]
    assert found(judged(LINES + forged)) == found(judged(forged + LINES)) == expected


def test_an_altered_record_is_named_and_not_missing() -> None:
    altered = LINES[4].replace(b'"alice"', b'"mallo"')
    report = judged([*LINES[:4], altered, *LINES[5:]])
    assert found(report) == [("altered", 5)]
    assert report.records == 11


def test_a_copy_altered_beside_a_good_one_is_still_named() -> None:
    report = judged([*LINES, LINES[4].replace(b'"alice"', b'"mallo"')])
    assert found(report) == [("altered", 5)]
    assert report.records == 12


def test_a_record_sealed_anew_breaks_the_link_to_the_next() -> None:
    line = decode_line(LINES[4])
    forged = chained([body(5, value="harmless")], seq=5, prev=line.chain.prev)
    assert found(judged([*LINES[:4], *forged, *LINES[5:]])) == [("link_broken", 6)]


def test_a_first_record_that_follows_something_is_no_first_record() -> None:
    assert found(judged(chained([body(1)], prev="a" * 64))) == [("link_broken", 1)]


def test_a_stream_without_a_stop_is_open_ended_which_is_no_finding() -> None:
    report = judged(trail(5, closed=False))
    assert report.ok
    assert report.notes == [f"stream {STREAM}: open-ended, no audit_stop after record 5"]


def test_a_later_header_pins_the_end_of_an_earlier_stream() -> None:
    later = trail(3, OTHER, heads=[head(LINES)])
    assert judged(LINES + later).ok
    report = judged(LINES[:9] + later)
    assert [(f.kind, f.stream, f.seq, f.last_seq) for f in report.findings] == [("missing_seq", STREAM, 10, 12)]


def test_a_stream_written_anew_does_not_match_its_pinned_head() -> None:
    forged = chained([body(number, value="harmless") for number in range(1, 13)])
    report = judged([*forged, *trail(3, OTHER, heads=[head(LINES)])])
    assert found(report) == [("head_mismatch", 12)]


def test_a_declared_cut_is_pruned_and_no_finding() -> None:
    rest = chained([pruned(13, LINES[:5])], seq=13, prev=head(LINES).hash)
    report = judged(LINES[5:] + rest)
    assert (report.ok, report.pruned, report.records) == (True, 5, 8)


def test_what_a_declared_cut_covers_may_still_stand_in_a_copy() -> None:
    rest = chained([pruned(13, LINES[:5])], seq=13, prev=head(LINES).hash)
    report = judged(LINES[2:] + rest)
    assert (report.ok, report.pruned) == (True, 2)


def test_more_than_was_declared_is_missing() -> None:
    rest = chained([pruned(13, LINES[:5])], seq=13, prev=head(LINES).hash)
    report = judged(LINES[7:] + rest)
    assert [(f.kind, f.seq, f.last_seq) for f in report.findings] == [("missing_seq", 6, 7)]
    assert report.pruned == 5


def test_the_record_after_a_declared_cut_must_follow_it() -> None:
    rest = chained([pruned(13, LINES[:5])], seq=13, prev=head(LINES).hash)
    forged = chained([body(6)], seq=6, prev="c" * 64)
    assert ("link_broken", 6) in found(judged(forged + LINES[6:] + rest))


def test_a_stream_that_was_pruned_whole_is_not_missing() -> None:
    declaration = chained([body(1, "audit_start"), pruned(2, LINES)], OTHER)
    report = judged(declaration)
    assert (report.ok, report.pruned, report.records, report.streams) == (True, 12, 2, 1)


def test_an_altered_declaration_declares_nothing() -> None:
    (rest,) = chained([pruned(13, LINES[:5])], seq=13, prev=head(LINES).hash)
    widened = rest.replace(b'"last_seq":5', b'"last_seq":9')
    assert found(judged([*LINES[9:], widened])) == [("altered", 13), ("missing_seq", 1)]


def test_streams_are_judged_apart() -> None:
    report = judged(LINES[:-1] + trail(4, OTHER))
    assert (report.ok, report.streams) == (True, 2)
    report = judged(LINES + trail(4, OTHER)[1:])
    assert [(f.kind, f.stream, f.seq) for f in report.findings] == [("missing_seq", OTHER, 1)]


def test_one_tenant_is_counted_and_the_chain_is_judged_whole() -> None:
    mixed = trail(12, tenants=("acme", "globex"))
    report = judged(mixed, tenant="globex")
    assert (report.ok, report.records) == (True, 5)
    assert found(judged(mixed[:5] + mixed[6:], tenant="globex")) == [("missing_seq", 6)]


def test_a_copy_of_one_tenant_only_may_have_gaps_which_are_told() -> None:
    mixed = trail(12, tenants=("acme", "globex"))
    copy = [line for line in mixed if b'"globex"' in line]
    report = judged(copy, tenant="globex")
    assert (report.ok, report.records) == (True, 5)
    assert "other tenants' records, or missing ones" in report.notes[0]
    assert not judged(copy).ok


def test_an_unsound_record_counts_for_every_tenant() -> None:
    mixed = trail(12, tenants=("acme", "globex"))
    mixed[4] = mixed[4].replace(b'"globex"', b'"acmecx"')
    assert found(judged(mixed, tenant="globex")) == [("altered", 5)]


def test_findings_of_one_kind_are_listed_up_to_a_bound_and_counted_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_mcp_audit.verify.chain.LISTED", 3)
    report = judged([line.replace(b'"alice"', b'"mallo"') for line in LINES])
    assert (len(report.findings), report.notes) == (3, ["9 more findings: altered"])
    assert report.exit_code == 1


def test_a_line_with_a_second_key_of_one_name_is_altered() -> None:
    doubled = LINES[3].replace(b'"event":{', b'"event":{"action":"NONE"},"event":{', 1)
    assert found(judged([*LINES[:3], doubled, *LINES[4:]])) == [("altered", 4)]


def test_nothing_can_hide_in_the_seal() -> None:
    document = msgspec.json.decode(LINES[3])
    document["seal"] = {"hash": "0" * 64}
    assert found(judged([*LINES[:3], msgspec.json.encode(document), *LINES[4:]])) == [("altered", 4)]
    crowded = LINES[3].replace(b'"seal":{"hash":"', b'"seal":{"hash":"x"},"extra":1,"seal":{"hash":"')
    assert found(judged([*LINES[:3], crowded, *LINES[4:]])) == [("altered", 4)]


@given(st.data())
def test_any_loss_of_inner_records_is_exactly_what_is_reported_missing(data: st.DataObject) -> None:
    kept = data.draw(st.sets(st.integers(1, 11)))
    order = data.draw(st.permutations([LINES[seq - 1] for seq in sorted(kept | {12})]))
    report = judged([*order, *data.draw(st.lists(st.sampled_from(order), max_size=5))])
    missing = {seq for f in report.findings for seq in range(f.seq or 0, (f.last_seq or f.seq or 0) + 1)}
    assert {f.kind for f in report.findings} <= {"missing_seq"}
    assert missing == set(range(1, 13)) - kept - {12}
    assert report.records == len(kept) + 1


@given(st.data())
def test_any_edit_of_a_sealed_line_is_found_unless_it_is_only_another_spelling(data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(LINES) - 1))
    line = LINES[number].rstrip(b"\n")
    at = data.draw(st.integers(0, len(line) - 1))
    put = data.draw(st.binary(max_size=3))
    drop = data.draw(st.integers(0, 3))
    edited = line[:at] + put + line[at + drop :]
    if isinstance(read(edited), Sealed):
        assert msgspec.json.decode(edited) == msgspec.json.decode(line)


def test_what_a_sealed_line_says_badly_of_the_trail_is_not_believed() -> None:
    crooked = [
        Trail(heads=[Head("not a hash", 9, OTHER)]),
        Trail(heads=[Head("A" * 64, 9, OTHER)]),
    ]
    bodies = [body(n, "audit_start", trail=each) for n, each in enumerate(crooked, 1)]
    bodies.append(body(3, "audit_prune", trail=Trail(stream=STREAM, first_seq=1)))
    bodies.append(body(4, "audit_prune"))
    bodies.append(b'{"event":{"event_type":"audit_start"}}')
    report = judged(chained(bodies))
    assert (report.ok, report.records, report.pruned) == (True, 5, 0)
    assert report.notes == [f"stream {STREAM}: open-ended, no audit_stop after record 5"]


def test_a_line_without_a_tenant_is_of_none() -> None:
    report = judged(chained([b'{"event":{}}', body(2)]), tenant="acme")
    assert (report.ok, report.records) == (True, 1)


def test_many_open_ends_are_one_note() -> None:
    report = judged(trail(3, closed=False) + trail(3, OTHER, closed=False))
    assert report.notes == ["2 streams are open-ended: no audit_stop after their last records"]


def test_cuts_that_touch_and_overlap_are_counted_once() -> None:
    declared = [LINES[:4], LINES[2:6], LINES[6:8]]
    rest = chained([pruned(13 + n, lines) for n, lines in enumerate(declared)], seq=13, prev=head(LINES).hash)
    report = judged(LINES[8:] + rest)
    assert (report.ok, report.pruned) == (True, 8)
    report = judged([*LINES[9:], *rest])
    assert [(f.kind, f.seq, f.count) for f in report.findings] == [("missing_seq", 9, 1)]


def test_the_last_record_of_a_declared_cut_must_be_the_one_that_was_cut() -> None:
    rest = chained([pruned(13, LINES[:5])], seq=13, prev=head(LINES).hash)
    forged = chained([body(5, value="harmless")], seq=5, prev="d" * 64)
    assert ("head_mismatch", 5) in found(judged(forged + LINES[5:] + rest))
