"""Records about the trail itself: that it began and ended, what is missing from it, what was removed on purpose."""

from typing import Final

from otel_mcp_audit import clock, identity
from otel_mcp_audit.record import Body, Event, PolicyApplied, Request, Response, Trail, encode_body

_ACTIONS: Final = {
    "audit_start": "CREATE",
    "audit_stop": "CREATE",
    "audit_gap": "CREATE",
    "audit_config": "UPDATE",
    "audit_read": "READ",
    "audit_prune": "DELETE",
    "audit_erase": "DELETE",
}


def body(event_type: str, trail: Trail, *, durability: str | None = None) -> bytes:
    """A record of ``event_type`` (``audit_...``) whose actor is the user that runs this process."""
    now = clock.now_ns()
    event = Event(
        action=_ACTIONS[event_type],
        event_type=event_type,
        id=clock.record_id(now),
        policy=PolicyApplied(level="metadata", rule="trail"),
        request=Request(),
        response=Response(outcome="success"),
        timestamp=clock.timestamp(now),
        trail=trail,
        user=identity.system(),
    )
    if durability is not None:
        event.durability = durability
    return encode_body(Body(event=event))
