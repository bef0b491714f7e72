"""What a process owes a stream whose owner is gone: its open calls get their one record, and the stream its end."""

from collections.abc import Sequence

from msgspec import DecodeError

from otel_mcp_audit import tally, trail
from otel_mcp_audit.journal import Stream
from otel_mcp_audit.journal.ending import last_of_stream
from otel_mcp_audit.ledger import Ledger
from otel_mcp_audit.line import Body, Response, Trail, decode_body, encode_body
from otel_mcp_audit.sinks import Sink


def settle(stream: Stream, in_line: Sequence[Sink] = ()) -> None:
    """Put on record what the owner could not: calls without an end are ``unknown``, damage is a gap, the stream stops.

    Args:
        stream: adopted, at its end; closed where this fails.
        in_line: sinks that are handed what is put on record here.

    Raises:
        JournalError: the stream takes no records; another process may try again.
    """
    try:
        _settle(stream, in_line)
    except BaseException:
        stream.close()
        raise


def _settle(stream: Stream, in_line: Sequence[Sink]) -> None:
    ledger = Ledger(stream, in_line=in_line)
    for call_id, start in list(stream.open_calls.items()):
        body, kind = _unknown(start)
        ledger.append(body, ends=call_id, kind=kind)
    ledger.declare_gaps()
    last = stream.path and last_of_stream(stream.path)
    if not (last and last.stops):
        ledger.declare("audit_stop", Trail(reason="the owner is gone"))


def _unknown(start: bytes) -> tuple[bytes, tuple[str, str]]:
    """The start as a record: nothing was seen of the end. A start that says nothing any more is a gap."""
    try:
        body = decode_body(start)
    except (DecodeError, UnicodeDecodeError):
        tally.DROPPED.add("corrupt_starts", "")
        return trail.body("audit_gap", Trail(count=1, reason="corrupt_starts")), ("audit_gap", "success")
    body.event.response = Response(outcome="unknown")
    return encode_body(Body(event=body.event, params=body.params)), (body.event.event_type, "unknown")
