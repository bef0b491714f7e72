"""The journal line: what is written of one record, key by key.

The structs mirror the journal line key by key. Their fields are declared in alphabetical order and hold only strings,
booleans, null, lists and integers below 2^53, so that the plain compact encoding *is* the canonical form of RFC 8785
and can be hashed as written. Fields that are ``UNSET`` are absent from the line; all others are always there.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

FORMAT_VERSION: Final = 1
"""``chain.v``: a verifier refuses a version it does not know."""

LINE_LIMIT: Final = 16 * 1024
"""Bytes of a journal line, its line end included."""

ANONYMOUS: Final = "anonymous"
UNASSIGNED: Final = "unassigned"


class Agent(Struct, frozen=True, gc=False):
    """The client program as it names itself: claimed, never verified."""

    name: str | None = None
    version: str | None = None


class Link(Struct, frozen=True, kw_only=True, gc=False):
    """What joins this record to others: ``type`` is ``task`` or ``round``, ``id`` is the same in those it belongs to.

    ``next``: of a round that was asked and asks again, the ``id`` of the round that answers it.
    """

    id: str
    next: str | UnsetType = UNSET
    type: str


class PolicyApplied(Struct, frozen=True, gc=False):
    """Which rule decided what was recorded, and at which level."""

    level: str = "metadata"
    rule: str = "default"


class Refusal(Struct, frozen=True, gc=False):
    """Why a request was refused before MCP saw it."""

    reason: str
    status: int


class Repeated(Struct, frozen=True, gc=False):
    """A folded record stands for ``count`` like it, itself counted, the last one at ``until``."""

    count: int
    until: str


class Request(Struct, kw_only=True, gc=False):
    """The request that carried the call. What a client claims is a value here, never a key, and decides nothing."""

    client_ip: str | None = None
    client_ip_source: str | None = None
    id: str | None = None
    id_source: str | None = None
    method: str | None = None
    protocol_version: str | None = None
    rpc_id: str | None = None
    session_id: str | None = None
    span_id: str | None = None
    trace_id: str | None = None
    transport: str = "none"


class Resource(Struct, frozen=True, gc=False):
    """What was touched, for example ``type`` ``patient`` and ``id`` ``patient:4711``."""

    id: str
    type: str


class Response(Struct, kw_only=True, gc=False):
    """How the call ended. ``bytes``: UTF-8 of text and blob contents. ``duration_us``: microseconds."""

    bytes: int | None = None
    duration_us: int | None = None
    error_type: str | None = None
    outcome: str = "unknown"
    result_count: int | None = None
    status_code: int | None = None


class ServerInfo(Struct, frozen=True, gc=False):
    """The MCP server that was called; ``instance`` is the process's ``service.instance.id``."""

    instance: str | None = None
    name: str | None = None
    version: str | None = None


class NameValue(Struct, frozen=True, gc=False):
    """A pair whose name comes from outside: outside names are values, never keys."""

    name: str
    value: str


class Change(Struct, frozen=True, gc=False):
    """A setting that differs from an earlier one; None stands for its default."""

    name: str
    new: str | None
    old: str | None


class Head(Struct, frozen=True, gc=False):
    """The last record of a stream."""

    hash: str
    seq: int
    stream: str


class Trail(Struct, kw_only=True, gc=False):
    """What a record about the trail itself says; each event type uses its part of it."""

    boot_id: str | UnsetType = UNSET
    changes: list[Change] | UnsetType = UNSET
    configuration: list[NameValue] | UnsetType = UNSET
    count: int | UnsetType = UNSET
    durability: str | UnsetType = UNSET
    first_seq: int | UnsetType = UNSET
    heads: list[Head] | UnsetType = UNSET
    host: str | UnsetType = UNSET
    last_hash: str | UnsetType = UNSET
    last_seq: int | UnsetType = UNSET
    pid: int | UnsetType = UNSET
    problems: list[str] | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    resource: list[NameValue] | UnsetType = UNSET
    settings: str | UnsetType = UNSET
    sinks: list[str] | UnsetType = UNSET
    stream: str | UnsetType = UNSET
    versions: list[NameValue] | UnsetType = UNSET


class User(Struct, frozen=True, kw_only=True, gc=False):
    """Who called; ``source`` says how that is known: ``token``, ``resolver``, ``os`` or ``none``."""

    authenticated: bool = False
    client_id: str | None = None
    email: str | None = None
    hash: str | None = None
    id: str = ANONYMOUS
    name: str | None = None
    roles: Sequence[str] = ()
    scopes: Sequence[str] = ()
    source: str = "none"
    tenant_id: str = UNASSIGNED
    type: str = "unknown"


class Event(Struct, kw_only=True, gc=False):
    """Who, what, when and how it ended."""

    action: str
    agent: Agent = Agent()
    delegation: Sequence[str] = ()
    durability: str | UnsetType = UNSET
    event_type: str
    id: str
    link: Link | UnsetType = UNSET
    phi: bool = False
    policy: PolicyApplied = PolicyApplied()
    purpose: str | None = None
    refusal: Refusal | UnsetType = UNSET
    repeated: Repeated | UnsetType = UNSET
    request: Request
    resources: Sequence[Resource] = ()
    response: Response
    sensitivity: str | None = None
    server: ServerInfo = ServerInfo()
    timestamp: str
    tool: str | None = None
    trail: Trail | UnsetType = UNSET
    truncated: bool | UnsetType = UNSET
    user: User


class Param(Struct, kw_only=True, frozen=True, gc=False):
    """One leaf of the arguments: ``bytes``, ``name``, ``type``; its ``value`` only where a rule lets it through."""

    bytes: int
    digest: str | UnsetType = UNSET
    name: str | None
    omitted: int | UnsetType = UNSET
    type: str | None
    value: str | UnsetType = UNSET


class Body(Struct, kw_only=True, gc=False):
    """What the caller of the journal decides about a line; chain and seal are the journal's."""

    event: Event
    params: Sequence[Param] = ()
    result: Sequence[Param] | UnsetType = UNSET


class Chain(Struct, frozen=True, gc=False):
    """Where the line stands: the ``seq``-th of its stream, after the line whose hash is ``prev``."""

    prev: str
    seq: int
    stream: str
    v: int


class Seal(Struct, frozen=True, gc=False):
    """Proof of the line; everything outside this key is sealed."""

    hash: str


class Line(Struct, kw_only=True, gc=False):
    """A journal line, decoded."""

    chain: Chain
    event: Event
    params: Sequence[Param] = ()
    result: Sequence[Param] | UnsetType = UNSET
    seal: Seal


encode_body = msgspec.json.Encoder(order="deterministic").encode
decode_body = msgspec.json.Decoder(Body).decode
decode_line = msgspec.json.Decoder(Line).decode
