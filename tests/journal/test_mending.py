"""Each row of case-017 and its neighbours: what somebody does to the files between record 5 and record 6 of ten."""

from collections.abc import Callable

import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Cursor, Incident, Reader, Stream, home
from otel_mcp_audit.journal.lock import Lock
from tests.journal.removals import (
    append,
    assert_whole,
    file_for_stream,
    five_more,
    link_stream,
    move_journal,
    move_segment,
    move_starts,
    move_stream,
    remove_journal,
    remove_lock,
    remove_segment,
    remove_starts,
    remove_stream,
    replace_segment,
    truncate_starts,
)
from tests.journal.streams import (
    assert_chain,
    body,
    every,
    file_lines,
    folder_of,
    ids,
    segment_files,
    sequence,
    walk,
)

pytestmark = pytest.mark.usefixtures("look_every_time")


@pytest.mark.parametrize(
    ("remove", "reason"),
    [
        (remove_segment, "segment_deleted"),
        (remove_stream, "folder_deleted"),
        (remove_journal, "folder_deleted"),
        (move_stream, "folder_moved"),
        (move_journal, "folder_moved"),
        (move_segment, "segment_moved"),
        (replace_segment, "segment_replaced"),
        (remove_starts, "starts_lost"),
        (move_starts, "starts_lost"),
        (truncate_starts, "starts_lost"),
        (remove_lock, "lock_lost"),
        (link_stream, "folder_moved"),
        (file_for_stream, "folder_deleted"),
    ],
)
def test_what_the_open_file_still_has_is_put_back_and_the_chain_goes_on(
    stream: Stream, remove: Callable[[Stream], None], reason: str
):
    remove(stream)
    assert five_more(stream) == [Incident(reason)]
    assert_whole(stream)


@pytest.mark.parametrize("remove", [remove_segment, remove_stream, move_stream, remove_starts])
def test_a_removal_is_noticed_by_the_next_start_too(stream: Stream, remove: Callable[[Stream], None]):
    remove(stream)
    stream.begin("next", body("next"))
    (starts,) = folder_of(stream).glob("*.starts")
    assert starts.read_bytes() == body("open") + b"\n" + body("next") + b"\n"


def test_a_deleted_segment_is_noticed_before_the_next_acknowledgement_without_looking_up_names(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(home, "LOOK_EVERY_S", 1e9)
    append(stream, 5)
    remove_segment(stream)
    stream.append(body("next"))
    assert ids(file_lines(folder_of(stream)))[-1] == "next"


def test_a_removed_cursor_is_no_loss(stream: Stream):
    cursor = folder_of(stream) / "otlp.cursor"
    Cursor(segment=1, offset=3).save(cursor)
    cursor.unlink()
    assert five_more(stream) == []
    assert_whole(stream)


def test_what_took_the_place_of_a_segment_is_kept_beside_it(stream: Stream):
    segment = segment_files(folder_of(stream))[0]
    for n in range(2):
        segment.unlink()
        segment.write_text(f"foreign {n}", encoding="utf-8")
        stream.append(body(f"after-{n}"))
    assert (segment.parent / f"{segment.name}.foreign-1").read_text(encoding="utf-8") == "foreign 0"
    assert (segment.parent / f"{segment.name}.foreign-2").read_text(encoding="utf-8") == "foreign 1"
    assert_chain(file_lines(folder_of(stream)), stream.id)


def test_the_delivery_that_had_read_a_part_goes_on_after_the_restoration(stream: Stream):
    reader = Reader(folder_of(stream))
    seen = list(walk(reader))
    remove_segment(stream)
    five_more(stream)
    assert sequence(every(reader, seen[-1][1])) == [6, 7, 8, 9, 10]


def test_a_place_that_cannot_be_had_back_refuses_the_record_and_the_next_one_tries_again(stream: Stream):
    journal = folder_of(stream).parent
    journal.rename(journal.with_name("elsewhere"))
    journal.write_text("in the way", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(JournalError, match=str(journal)):
            stream.append(body("refused"))
    journal.unlink()
    assert [incident.reason for incident in five_more(stream)] == ["folder_moved"]
    assert_whole(stream)


def test_a_stream_that_another_process_took_over_is_left_to_it(stream: Stream):
    remove_lock(stream)
    lock = Lock(folder_of(stream))
    assert lock.take()
    adopted = Stream.reopen(folder_of(stream), lock)
    adopted.append(body("unknown"), ends="open")
    with pytest.raises(JournalError, match="taken over"):
        stream.append(body("late"))
    assert stream.taken
    adopted.append(body("more"))
    adopted.close()
    for attempt in (lambda: stream.append(body("late")), lambda: stream.begin("late", body("late"))):
        with pytest.raises(JournalError, match="taken over"):
            attempt()
    stream.close()
    assert_chain(file_lines(folder_of(stream)), stream.id)
    assert Lock(folder_of(stream)).take()


def test_a_start_file_removed_alone_is_noticed_by_the_next_start_without_looking_up_names(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(home, "LOOK_EVERY_S", 1e9)
    append(stream, 5)
    remove_starts(stream)
    stream.begin("next", body("next"))
    assert stream.incidents == [Incident("starts_lost")]
    (starts,) = folder_of(stream).glob("*.starts")
    assert starts.read_bytes() == body("open") + b"\n" + body("next") + b"\n"
