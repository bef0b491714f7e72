"""What somebody does to a stream's files behind its writer's back, and what should come of it."""

import os
import shutil

from otel_mcp_audit.journal import Incident, Stream
from otel_mcp_audit.journal.lock import Lock
from tests.journal.streams import (
    assert_chain,
    body,
    file_lines,
    folder_of,
    header,
    segment_files,
)


def append(stream: Stream, n: int) -> None:
    stream.append(header() if n == 0 else body(f"call-{n}"))


def five_more(stream: Stream) -> list[Incident]:
    """Records 6 to 10, each looked for in a file with a name as soon as it is acknowledged."""
    for n in range(5, 10):
        entry = stream.append(body(f"call-{n}"))
        assert entry.line in file_lines(folder_of(stream))
    incidents = list(stream.incidents)
    stream.incidents.clear()
    return incidents


def assert_whole(stream: Stream) -> None:
    """All ten records, the open call, and a lock that others find."""
    lines = file_lines(folder_of(stream))
    assert_chain(lines, stream.id)
    assert len(lines) == 10
    (starts,) = folder_of(stream).glob("*.starts")
    assert starts.read_bytes() == body("open") + b"\n"
    assert not Lock(folder_of(stream)).take()


def remove_segment(stream: Stream) -> None:
    segment_files(folder_of(stream))[0].unlink()


def remove_stream(stream: Stream) -> None:
    shutil.rmtree(folder_of(stream))


def remove_journal(stream: Stream) -> None:
    shutil.rmtree(folder_of(stream).parent)


def move_stream(stream: Stream) -> None:
    folder_of(stream).rename(folder_of(stream).with_name("elsewhere"))


def move_journal(stream: Stream) -> None:
    journal = folder_of(stream).parent
    journal.rename(journal.with_name("elsewhere"))


def move_segment(stream: Stream) -> None:
    segment = segment_files(folder_of(stream))[0]
    segment.rename(segment.with_name("elsewhere"))


def replace_segment(stream: Stream) -> None:
    segment = segment_files(folder_of(stream))[0]
    segment.unlink()
    segment.touch()


def remove_starts(stream: Stream) -> None:
    for path in folder_of(stream).glob("*.starts"):
        path.unlink()


def move_starts(stream: Stream) -> None:
    for path in folder_of(stream).glob("*.starts"):
        path.rename(path.with_suffix(".moved"))


def truncate_starts(stream: Stream) -> None:
    for path in folder_of(stream).glob("*.starts"):
        os.truncate(path, 3)


def remove_lock(stream: Stream) -> None:
    (folder_of(stream) / "lock").unlink()


def link_stream(stream: Stream) -> None:
    move_stream(stream)
    folder_of(stream).symlink_to(folder_of(stream).with_name("elsewhere"))


def file_for_stream(stream: Stream) -> None:
    remove_stream(stream)
    folder_of(stream).write_text("not a folder", encoding="utf-8")
