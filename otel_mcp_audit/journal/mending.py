"""A stream's files put back in their place, and what was lost of them named."""

from otel_mcp_audit.journal import disk, folder, tail
from otel_mcp_audit.journal.brief import brief
from otel_mcp_audit.journal.files import Files
from otel_mcp_audit.journal.incident import Incident, missing
from otel_mcp_audit.journal.lock import Lock
from otel_mcp_audit.journal.segment import Segment


def in_place(files: Files) -> bool:
    """Whether folder, segment, start file and lock still stand under their names.

    Raises:
        PermissionError: the names cannot be looked up.
    """
    return (
        disk.identity(files.path) == files.identity
        and not files.segment.astray()
        and not files.starts.astray()
        and files.starts.damaged() is None
        and (files.lock.intact() or not files.lock.held)
    )


def open_up(files: Files) -> bool:
    """Take back our right to enter the folder, which somebody took; answers whether we have it again."""
    try:
        # Not through a link: what it leads to is not ours to open.
        if not files.path.is_symlink():
            files.path.chmod(disk.FOLDER_MODE)
        files.segment.astray()
    except OSError:
        return False
    return True


def mend(files: Files, seq: int) -> None:
    """Put back what the open files still have, go on beside what they have not, and note what happened.

    Args:
        files: the stream's files; changed.
        seq: the next record's sequence number.

    Raises:
        JournalError: the place cannot be had back, or another process writes there.
        OSError: likewise; what was not mended is mended the next time.
    """
    moved = _stand(files)
    _mend_segment(files, seq, moved=moved)
    if files.starts.damaged() or files.starts.astray():
        files.starts.rewrite()
        if not moved:
            files.note(Incident("starts_lost"))
    files.miss_earlier(seq)


def _stand(files: Files) -> bool:
    """Have a folder of ours at the path, and its lock; answers whether it is another one than before."""
    moved = disk.identity(files.path) != files.identity
    if moved:
        folder.prepare(files.path.parent)
        if files.path.is_symlink() or not files.path.is_dir():
            disk.make_way(files.path)
        folder.prepare(files.path)
    if files.lock.held and not files.lock.intact():
        files.lock.release()
        _lock_again(files)
        if not moved:
            files.note(Incident("lock_lost"))
    files.identity = disk.identity(files.path)
    return moved


def _lock_again(files: Files) -> None:
    lock = Lock(files.path)
    if not lock.take_if_possible():
        raise files.usurped()
    files.lock = lock


def _mend_segment(files: Files, seq: int, *, moved: bool) -> None:
    segment = files.segment
    expected, found = segment.size, segment.size_found()
    if found > expected:
        files.refuse_usurper(seq)
    if segment.astray():
        reason = _reason(segment, moved=moved)
        files.segment = segment.restored()
        segment.close()
        files.note(Incident(reason))
    if found < expected:
        torn = files.segment.repair()  # half of a line is worth nothing, and a plain cat would glue the next one to it
        files.note(missing("segment_truncated", _last_seq(files.segment) + 1, seq - 1, expected - found + torn))
        files.turn(seq)
    elif found > expected:
        files.note(Incident("foreign_bytes", bytes=found - expected))
        files.turn(seq)


def _reason(segment: Segment, *, moved: bool) -> str:
    if moved:
        return "folder_deleted" if segment.nameless() else "folder_moved"
    if segment.path is not None and disk.identity(segment.path) is not None:
        return "segment_replaced"
    return "segment_deleted" if segment.nameless() else "segment_moved"


def _last_seq(segment: Segment) -> int:
    """Sequence number of the last whole line that a shortened segment still has."""
    line = tail.line_before(segment.read, segment.last_line_end())
    found = brief(line) if line else None
    return found.chain.seq if found else segment.first - 1
