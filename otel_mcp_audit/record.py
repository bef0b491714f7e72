"""What happened: a call as it is seen, who made it, and its record as it is read."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct

from otel_mcp_audit.line import Chain, Event, Param, Request, Resource, Response, Seal, User, decode_line

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


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
        self.roles = (roles,) if isinstance(roles, str) else tuple(roles)
        self.client_id = client_id
        self.delegation = (delegation,) if isinstance(delegation, str) else tuple(delegation)


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
            "link": None if event.link is UNSET else msgspec.to_builtins(event.link),
            "refusal": None if event.refusal is UNSET else msgspec.structs.asdict(event.refusal),
            "repeated": None if event.repeated is UNSET else msgspec.structs.asdict(event.repeated),
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
