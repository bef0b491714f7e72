"""Another process has taken a living stream over, because its lock file was removed."""

from pathlib import Path

import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Stream, home
from otel_mcp_audit.journal.lock import Lock
from tests.journal.removals import append, remove_lock
from tests.journal.streams import (
    assert_chain,
    body,
    crash,
    file_lines,
    folder_of,
    reopened,
)

pytestmark = pytest.mark.usefixtures("look_every_time")


def test_a_stream_found_to_be_taken_over_takes_no_start_either(stream: Stream, monkeypatch: pytest.MonkeyPatch):
    append(stream, 5)
    monkeypatch.setattr(home, "LOOK_EVERY_S", 1e9)
    append(stream, 6)
    remove_lock(stream)
    adopted = reopened(folder_of(stream))
    adopted.append(body("unknown"), ends="open")
    for attempt in (lambda: append(stream, 7), lambda: stream.begin("late", body("late"))):
        with pytest.raises(JournalError, match="taken over"):
            attempt()
    adopted.close()


def test_closing_a_stream_that_was_taken_over_leaves_the_other_s_start_file(tmp_path: Path):
    stream = Stream.create(tmp_path)
    append(stream, 0)
    remove_lock(stream)
    adopted = reopened(folder_of(stream))
    adopted.begin("theirs", body("theirs"))
    with pytest.raises(JournalError, match="taken over"):
        append(stream, 1)
    stream.close()
    crash(adopted)
    assert set(reopened(folder_of(stream)).open_calls) == {"theirs"}


def test_a_stream_taken_over_and_given_back_before_anything_was_noticed_is_still_left(stream: Stream):
    remove_lock(stream)
    lock = Lock(folder_of(stream))
    assert lock.take()
    adopted = Stream.reopen(folder_of(stream), lock)
    adopted.append(body("unknown"), ends="open")
    adopted.close()
    with pytest.raises(JournalError, match="taken over"):
        stream.append(body("late"))
    assert_chain(file_lines(folder_of(stream)), stream.id)
