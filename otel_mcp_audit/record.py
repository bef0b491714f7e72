"""What happened: one call as one record, and the journal line it is written as.

The structs mirror the journal line key by key. Their fields are declared in alphabetical order and hold only strings,
booleans, null, lists and integers below 2^53, so that the plain compact encoding *is* the canonical form of RFC 8785
and can be hashed as written. Fields that are ``UNSET`` are absent from the line; all others are always there.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

FORMAT_VERSION: Final = 1
"""``chain.v``: a verifier refuses a version it does not know."""

LINE_LIMIT: Final = 16 * 1024
"""Bytes of a journal line, its line end included."""

ANONYMOUS: Final = "anonymous"
UNASSIGNED: Final = "unassigned"

EventType = Literal[
    "tool_call",
    "resource_read",
    "prompt_get",
    "completion",
    "list",
    "initialize",
    "request",
    "access_denied",
    "audit_start",
    "audit_stop",
    "audit_config",
    "audit_gap",
    "audit_checkpoint",
    "audit_read",
    "audit_prune",
    "audit_erase",
]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Agent(Struct, frozen=True, gc=False):
    """The client program as it names itself: claimed, never verified."""

    name: str | None = None
    version: str | None = None


class Link(Struct, frozen=True, gc=False):
    """The other record that belongs to this one: ``type`` is ``task`` or ``round``."""

    id: str
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


class Head(Struct, frozen=True, gc=False):
    """The last record of a stream."""

    hash: str
    seq: int
    stream: str


class Trail(Struct, kw_only=True, gc=False):
    """What a record about the trail itself says; each event type uses its part of it."""

    boot_id: str | UnsetType = UNSET
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


class User(Struct, kw_only=True, gc=False):
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


class Call(Struct, frozen=True, kw_only=True):
    """What a resolver, a policy or an Auditor sees of one call.

    Attributes:
        method: the JSON-RPC method, such as ``tools/call``.
        tool: the tool's name as the client wrote it; None where no tool was called.
        arguments: read-only mapping of the arguments.
        transport: ``stdio``, ``http``, ``sse``, ``memory`` or ``none``.
        headers: the HTTP request's headers, names in lower case; empty without HTTP.
        token: the kernel's verified ``AccessToken``, or None.
        client_ip: the peer's address, or None.
        request_id: the ``X-Request-ID`` that was honoured, or the generated one.
        server: the MCP server's own name, or None.
    """

    method: str
    tool: str | None = None
    arguments: Mapping[str, Any] = _NOTHING
    transport: str = "none"
    headers: Mapping[str, str] = _NOTHING
    token: Any = None
    client_ip: str | None = None
    request_id: str | None = None
    server: str | None = None


class Actor:
    """Who acts: what an identity resolver answers.

    Args:
        id: the user's id.
        tenant_id: the tenant; None becomes the literal ``unassigned``.
        type: ``user``, ``service``, ``system`` or ``unknown``.
        email: the e-mail address, kept in the record's body only.
        name: the display name.
        roles: the user's roles.
        client_id: the OAuth client that acted.
        delegation: who acts for the user, current actor first.
    """

    __slots__ = ("client_id", "delegation", "email", "id", "name", "roles", "tenant_id", "type")

    def __init__(
        self,
        id: str,  # noqa: A002 -- the field's name is the record's key
        *,
        tenant_id: str | None = None,
        type: Literal["user", "service", "system", "unknown"] = "user",  # noqa: A002 -- likewise
        email: str | None = None,
        name: str | None = None,
        roles: Sequence[str] = (),
        client_id: str | None = None,
        delegation: Sequence[str] = (),
    ) -> None:
        self.id = id
        self.tenant_id = tenant_id
        self.type = type
        self.email = email
        self.name = name
        self.roles = tuple(roles)
        self.client_id = client_id
        self.delegation = tuple(delegation)


class AuditRecord:
    """One record as a sink or a reader gets it: the journal line and its decoded parts.

    Attributes mirror the line: ``.id .event_type .timestamp .tool .user.id .user.tenant_id .request.id
    .resources[0].id .response``; ``.outcome`` is ``.response.outcome``.

    Args:
        line: the journal line's bytes, without its line end.
        resource: the OTel Resource of the stream that wrote it, from the stream's first line.

    Raises:
        msgspec.DecodeError: the line is no journal line.
    """

    __slots__ = ("_line", "line", "resource")

    def __init__(self, line: bytes, resource: Mapping[str, str] = _NOTHING) -> None:
        self.line = line
        self.resource = resource
        self._line = decode_line(line)

    def __repr__(self) -> str:
        return f"<AuditRecord {self.id} {self.event_type} {self.tool} {self.outcome}>"

    @property
    def chain(self) -> Chain:
        """Stream, sequence number and previous hash."""
        return self._line.chain

    @property
    def seal(self) -> Seal:
        """The line's hash."""
        return self._line.seal

    @property
    def event(self) -> Event:
        """All of the event, for what has no shortcut here."""
        return self._line.event

    @property
    def id(self) -> str:
        """The record id: the only key, the same at every destination."""
        return self._line.event.id

    @property
    def event_type(self) -> str:
        """``tool_call`` and so on."""
        return self._line.event.event_type

    @property
    def timestamp(self) -> str:
        """Start of the call, UTC, microseconds."""
        return self._line.event.timestamp

    @property
    def tool(self) -> str | None:
        """The tool's name."""
        return self._line.event.tool

    @property
    def outcome(self) -> str:
        """How the call ended."""
        return self._line.event.response.outcome

    @property
    def user(self) -> User:
        """Who called."""
        return self._line.event.user

    @property
    def request(self) -> Request:
        """The request that carried the call."""
        return self._line.event.request

    @property
    def resources(self) -> Sequence[Resource]:
        """What was touched."""
        return self._line.event.resources

    @property
    def response(self) -> Response:
        """Size, duration and outcome."""
        return self._line.event.response

    @property
    def params(self) -> dict[str, Any]:
        """The arguments as a plain map: values that were let through, else ``{"type", "bytes"}``."""
        return dict(_plain_param(param) for param in self._line.params)

    def as_dict(self) -> dict[str, Any]:
        """The request's shape: its keys with its meanings, null where unknown, and ours beside them."""
        event = self._line.event
        response = event.response
        duration = None if response.duration_us is None else response.duration_us / 1000
        return {
            "timestamp": event.timestamp,
            "event_type": event.event_type,
            "tool": event.tool,
            "user": {"id": event.user.id, "email": event.user.email, "tenant_id": event.user.tenant_id},
            "request": {"id": event.request.id, "client_ip": event.request.client_ip},
            "params": self.params,
            "response": {
                "result_count": response.result_count,
                "duration_ms": duration,
                "outcome": response.outcome,
                "error_type": response.error_type,
                "status_code": response.status_code,
            },
            "id": event.id,
            "action": event.action,
            "resources": [{"type": resource.type, "id": resource.id} for resource in event.resources],
            "phi": event.phi,
            "purpose": event.purpose,
            "sensitivity": event.sensitivity,
            "server": event.server.name,
            "stream": self.chain.stream,
            "seq": self.chain.seq,
        }


def _plain_param(param: Param) -> tuple[str, Any]:
    if param.omitted is not UNSET:
        return "…", {"omitted": param.omitted, "bytes": param.bytes}
    name = param.name or ""
    if param.value is UNSET:
        return name, {"type": param.type, "bytes": param.bytes}
    return name, _exact(param.value, param.type)


def _exact(text: str, kind: str | None) -> Any:
    """The JSON value where it survives as one, else its text."""
    if kind == "string":
        return text
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text
    return value if msgspec.json.encode(value).decode() == text else text
