"""What a process owes a stream whose owner is gone: its open calls get their one record, and the stream its end."""

from otel_mcp_audit.journal import Stream
from otel_mcp_audit.journal.ending import last_of_stream
from otel_mcp_audit.ledger import Ledger
from otel_mcp_audit.line import Body, Response, Trail, decode_body, encode_body


def settle(stream: Stream) -> None:
    """Put on record what the owner could not: calls without an end are ``unknown``, damage is a gap, the stream stops.

    Args:
        stream: adopted, at its end.

    Raises:
        JournalError: the stream takes no records; another process may try again.
    """
    ledger = Ledger(stream)
    for call_id, body in list(stream.open_calls.items()):
        ledger.append(_unknown(body), ends=call_id)
    ledger.declare_gaps()
    last = stream.path and last_of_stream(stream.path)
    if not (last and last.stops):
        ledger.declare("audit_stop", Trail(reason="the owner is gone"))


def _unknown(start: bytes) -> bytes:
    """The start as a record: nothing was seen of the end."""
    body = decode_body(start)
    body.event.response = Response(outcome="unknown")
    return encode_body(Body(event=body.event, params=body.params))
