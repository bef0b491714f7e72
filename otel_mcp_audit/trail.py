"""Records about the trail itself: that it began and ended, what is missing from it, what was removed on purpose."""

from typing import Final

from msgspec import UNSET

from otel_mcp_audit import clock, identity
from otel_mcp_audit.line import Body, Event, PolicyApplied, Request, Response, Trail, encode_body
from otel_mcp_audit.seal import BODY_LIMIT

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
    encoded = encode_body(Body(event=event))
    while len(encoded) > BODY_LIMIT and _shorten(trail):
        event.truncated = True
        encoded = encode_body(Body(event=event))
    return encoded


def _shorten(trail: Trail) -> bool:
    """Leave out half of what a first line may have much of; answers whether there was anything."""
    if trail.heads:
        trail.heads = trail.heads[: len(trail.heads) // 2]
        return True
    if trail.resource:
        trail.resource = trail.resource[: len(trail.resource) // 2]
        return True
    if trail.configuration:
        trail.configuration = UNSET  # some of them would make the others look like the default
        return True
    if trail.changes:
        trail.changes = trail.changes[: len(trail.changes) // 2]
        return True
    return False
