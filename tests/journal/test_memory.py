import errno
import os
import threading

import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import BEGINNING, Position, Stream, disk
from tests.journal.streams import assert_chain, body, every, ids, sequence, walk


def filled(stream: Stream, count: int = 1000) -> int:
    """Records until memory is full; how many were kept."""
    for n in range(count):
        try:
            stream.append(body(f"call-{n}"))
        except JournalError:
            return n
    return count


def test_undelivered_records_are_kept_and_new_ones_refused_when_memory_is_full():
    stream = Stream.create(None, memory_bytes=50_000)
    kept = filled(stream)
    assert 0 < kept < 100
    assert stream.size_bytes <= 50_000
    with pytest.raises(JournalError, match="full of undelivered records"):
        stream.append(body("refused"))
    lines = every(stream.reader())
    assert stream.reader().pending(BEGINNING) == sum(len(line) + 1 for line in lines) == stream.size_bytes
    assert len(lines) == kept
    assert_chain(lines, stream.id)
    stream.close()


def test_what_every_sink_has_goes_first_and_makes_room():
    stream = Stream.create(None, memory_bytes=50_000)
    first, second = stream.reader("first"), stream.reader("second")
    kept = filled(stream)
    places = list(walk(first))
    first.done(places[-1][1])
    with pytest.raises(JournalError):
        stream.append(body("refused"))
    half = next(position for _, position in places if position.segment > 5)
    second.done(half)
    assert stream.append(body("next")).link.seq == kept + 1
    left = every(second, half)
    assert sequence(left)[-1] == kept + 1
    assert sequence(every(stream.reader()))[0] > 1
    stream.close()


def test_a_sink_that_has_taken_nothing_yet_holds_everything():
    stream = Stream.create(None, memory_bytes=50_000)
    done, _waiting = stream.reader("done"), stream.reader("waiting")
    filled(stream)
    done.done(Position(10**6, 0))
    with pytest.raises(JournalError):
        stream.append(body("refused"))
    stream.close()


def test_delivered_records_leave_memory_flat():
    stream = Stream.create(None, memory_bytes=50_000)
    reader, position = stream.reader("sink"), BEGINNING
    seen = 0
    for n in range(2000):
        stream.append(body(f"call-{n}"))
        if n % 10 == 9:
            read = list(walk(reader, position))
            seen, position = seen + len(read), read[-1][1]
            reader.done(position)
    assert seen == 2000
    assert stream.size_bytes <= 50_000
    stream.close()


def test_a_reader_without_a_name_holds_nothing_and_frees_nothing():
    stream = Stream.create(None, memory_bytes=50_000)
    reader = stream.reader()
    filled(stream)
    reader.done(Position(10**6, 0))
    with pytest.raises(JournalError):
        stream.append(body("refused"))
    stream.close()


def test_a_reader_in_another_thread_never_reads_what_is_not_its_own():
    stream = Stream.create(None, memory_bytes=40_000)
    reader = stream.reader("sink")
    count, seen = 3000, list[str]()

    def read() -> None:
        position = BEGINNING
        while len(seen) < count:
            read = reader.read(position, records=20, limit=20_000)
            seen.extend(ids([line for line, _ in read]))
            position = read[-1][1] if read else position
            reader.done(position)

    thread = threading.Thread(target=read)
    thread.start()
    n = 0
    while n < count:
        try:
            stream.append(body(f"call-{n}"))
            n += 1
        except JournalError:  # the reader is behind
            continue
    thread.join(30)
    assert seen == [f"call-{n}" for n in range(count)]
    stream.close()


def test_memory_has_no_path_and_nothing_is_left_after_the_end():
    stream = Stream.create(None)
    stream.append(body("a"))
    reader = stream.reader()
    assert stream.path is None
    stream.close()
    assert reader.segments() == []
    assert reader.read(BEGINNING, records=1, limit=1) == []
    assert reader.pending(BEGINNING) == 0


def test_where_there_is_no_room_for_a_first_segment_the_record_is_refused_and_the_next_one_tries_again(
    monkeypatch: pytest.MonkeyPatch,
):
    def full() -> int:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    stream = Stream.create(None)
    with monkeypatch.context() as patch:
        patch.setattr(disk, "anonymous", full)
        with pytest.raises(JournalError, match="in memory: Cannot allocate memory"):
            stream.append(body("refused"))
    assert stream.append(body("next")).link.seq == 1
    stream.close()


def test_a_torn_half_in_memory_is_never_glued_to_the_next_line(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    def half(fd: int, data: bytes) -> int:
        if len(data) < 100:
            fail()
        return os.write(fd, data[: len(data) // 2])

    stream = Stream.create(None)
    stream.append(body("first"))
    with monkeypatch.context() as patch:
        patch.setattr(disk.calls, "write", half)
        patch.setattr(disk.calls, "ftruncate", fail)
        for _ in range(2):
            with pytest.raises(JournalError):
                stream.append(body("refused"))
    stream.append(body("next"))
    lines = every(stream.reader())
    assert ids(lines) == ["first", "next"]
    assert_chain(lines, stream.id)
    stream.close()
