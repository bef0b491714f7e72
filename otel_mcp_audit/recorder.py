"""Turns an arrival into an open call, and an open call into the body of a journal line within its limit."""

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET, structs

from otel_mcp_audit import clock, identity, redaction
from otel_mcp_audit.line import Agent, Body, Event, Param, Resource, Response, ServerInfo, encode_body
from otel_mcp_audit.opencall import Arrival, OpenCall
from otel_mcp_audit.policy import Policy
from otel_mcp_audit.resolver import Resolver
from otel_mcp_audit.seal import BODY_LIMIT
from otel_mcp_audit.settings import Settings

RESOURCE_LIMIT: Final = 16
DELEGATION_LIMIT: Final = 8
"""What a record that is too large keeps of each."""

SHORT_LIMIT: Final = 32
"""Characters that a record which is still too large keeps of each text a client claims."""

_MARKS: Final = 160
"""Bytes that the marks of a cut add: ``truncated`` and the count of what was dropped."""


class Recorder:
    """Decides what a call's record says.

    Args:
        settings: whose claims name user and tenant.
        policy: which rule applies to a call.
        instance: ``service.instance.id`` of this process.
        durability: said in every record where it is less than promised (``memory``).
        resolver: the application's own way to say who calls.
    """

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        *,
        instance: str,
        durability: str | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self.resolver = resolver
        self._settings = settings
        self._policy = policy
        self._instance = instance
        self._durability = durability

    def open(self, arrival: Arrival) -> OpenCall:
        """The call as known at its start; nothing is written yet."""
        stamp = arrival.stamp or clock.stamp()
        arrival.request.id = arrival.request.id or stamp.id  # a request without an id goes by its record's
        user, delegation = self.who(arrival)
        identity.count(user)
        event = Event(
            action=arrival.action,
            agent=arrival.agent,
            delegation=delegation,
            event_type=arrival.event_type,
            id=stamp.id,
            policy=self._policy.rule_for(arrival.call).applied,
            request=arrival.request,
            resources=arrival.resources,
            response=Response(),
            server=ServerInfo(self._instance, arrival.server.name, arrival.server.version),
            timestamp=clock.timestamp(stamp.ns),
            tool=arrival.call.tool,
            user=user,
        )
        if self._durability is not None:
            event.durability = self._durability
        if arrival.link is not None:
            event.link = arrival.link
        return OpenCall(event, redaction.params(arrival.call.arguments), arrival.call.arguments, stamp.ticks)

    def who(self, arrival: Arrival) -> identity.Named:
        """Who called, and for whom: as the caller knows it already, else by resolver, token, transport and system."""
        if arrival.user is not None:
            return arrival.user, arrival.delegation
        if self.resolver is not None and not arrival.asked:
            answered = self.resolver.ask(arrival)
            if answered is not None:
                return answered
        return identity.of_call(arrival.call, self._settings.user_claim, self._settings.tenant_claim)


def encode(event: Event, params: Sequence[Param]) -> bytes:
    """The line's body. One that is too large is cut in a fixed order and says so: ``event.truncated``."""
    encoded = encode_body(Body(event=event, params=params))
    return encoded if len(encoded) <= BODY_LIMIT else _cut(event, list(params), len(encoded) - BODY_LIMIT)


def _cut(event: Event, params: list[Param], excess: int) -> bytes:
    """Each step leaves less to choose from outside; after the last one no choice of texts reaches the limit."""
    event.truncated = True
    _drop(params, excess + _MARKS)
    encoded = encode_body(Body(event=event, params=params))
    for shorten in (_shorten_lists, _shorten_texts):
        if len(encoded) > BODY_LIMIT:
            shorten(event)
            encoded = encode_body(Body(event=event, params=params))
    return encoded


def _drop(params: list[Param], excess: int) -> None:
    """Drop from the end at least ``excess`` bytes of JSON, and leave one count of what was dropped."""
    size = omitted = 0
    while params and excess > 0:
        last = params.pop()
        excess -= len(encode_body(last)) + 1
        size, omitted = size + last.bytes, omitted + (1 if last.omitted is UNSET else last.omitted)
    params.append(Param(bytes=size, name=None, omitted=omitted, type=None))


def _shorten_lists(event: Event) -> None:
    event.resources = event.resources[:RESOURCE_LIMIT]
    event.delegation = event.delegation[:DELEGATION_LIMIT]


def _shorten_texts(event: Event) -> None:
    event.resources = [Resource(id=redaction.text(item.id), type=_short(item.type)) for item in event.resources[:1]]
    event.delegation = [_short(actor) for actor in event.delegation]
    event.user = structs.replace(event.user, roles=(), scopes=())
    event.agent = Agent(_short(event.agent.name or "") or None, _short(event.agent.version or "") or None)
    request = event.request
    for name in ("protocol_version", "rpc_id", "session_id"):
        setattr(request, name, _short(getattr(request, name) or "") or None)


def _short(value: str) -> str:
    return redaction.text(value, SHORT_LIMIT)
