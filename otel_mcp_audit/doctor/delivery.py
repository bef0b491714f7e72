"""How delivery stands, from the cursors that the servers themselves write."""

from collections.abc import Iterator, Sequence
from typing import Final

from otel_mcp_audit.doctor.check import Check
from otel_mcp_audit.doctor.stream import SeenStream
from otel_mcp_audit.doctor.subject import Subject
from otel_mcp_audit.journal import Cursor, Reader

_TROUBLE: Final = "see what that answer asks of the destination; records are kept and sent again until it takes them"


def progress(subject: Subject) -> Iterator[Check]:
    """Each sink, over all streams whose own process delivers to it."""
    sinks = dict.fromkeys(sink for stream in subject.streams for sink in stream.sinks)
    for sink in sinks:
        yield _sink(sink, [stream for stream in subject.streams if sink in stream.sinks])
    if subject.streams and not sinks:
        yield Check("delivery", "ok", "the servers deliver to no sink: the journal is all there is")


def _sink(sink: str, streams: Sequence[SeenStream]) -> Check:
    cursors = [(stream, stream.cursor(sink)) for stream in streams]
    waiting = [(stream, cursor) for stream, cursor in cursors if _pending(stream, cursor)]
    quarantined = sum(cursor.quarantined for _, cursor in cursors)
    last_ok = max((cursor.last_ok or "" for _, cursor in cursors), default="")
    detail = f"{sink}: {_amount(waiting)}, last accepted {last_ok or 'never'}"
    if quarantined:
        detail += f", {quarantined} set aside"
    troubles = [cursor for _, cursor in waiting if cursor.last_error]
    if troubles:
        newest = max(troubles, key=lambda cursor: cursor.retry_at or "")
        again = f", again at {newest.retry_at}" if newest.retry_at else ""
        return Check("delivery", "fail", f"{detail}; answer: {newest.last_error}{again}", _TROUBLE)
    if quarantined:
        return Check("delivery", "warn", detail, "read why in *.quarantine.jsonl in the stream's folder")
    if waiting:
        return Check("delivery", "warn", detail, _how(waiting))
    return Check("delivery", "ok", detail)


def _pending(stream: SeenStream, cursor: Cursor) -> int:
    """Records that are not settled: a stream is numbered without a gap."""
    return max(0, stream.last_seq - cursor.seq)


def _amount(waiting: Sequence[tuple[SeenStream, Cursor]]) -> str:
    if not waiting:
        return "nothing is pending"
    records = sum(_pending(stream, cursor) for stream, cursor in waiting)
    size = sum(Reader(stream.path).pending(cursor.position) for stream, cursor in waiting)
    return f"{records} records ({size} bytes) are pending"


def _how(waiting: Sequence[tuple[SeenStream, Cursor]]) -> str:
    if any(stream.state == "alive" for stream, _ in waiting):
        return "the server is at it: look again in a minute"
    return "nobody is at it: otel-mcp-audit ship, or start the server again"
