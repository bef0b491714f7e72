"""What can be refused before MCP, what the installed release answers, and what the record has to say of it."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mcp.server import streamable_http_manager, transport_security

from tests.refused.knocking import Headers, Knock, bearer, call, modern
from tests.refused.tokens import EXPIRED, MALLORY, NOBODYS
from tests.scenes import kernel, messages
from tests.scenes.accounts import BOB

HTTP: Final = ("stateful", "stateless", "json")
SESSIONS: Final = ("stateful", "json")
ALL: Final = (*HTTP, "sse")

LIMITED: Final = hasattr(transport_security, "RequestBodyLimitMiddleware")
"""Whether the kernel refuses a body for its size: early 1.x takes any."""

OWNED: Final = "credential" in inspect.getsource(streamable_http_manager)
"""Whether a session is its owner's alone: on early 1.x anyone's calls are run in it."""

CHECKED: Final = kernel.FASTMCP != 2
"""Whether hosts and origins can be checked: fastmcp 2 has no check."""

METHODS: Final = ALL if LIMITED else HTTP
"""Where a wrong HTTP method is refused: the older transport of early 1.x takes any."""

LOOKED_UP: Final = 404 if OWNED else 400
"""How the streamable transport says that it knows no such session."""

LOGIN: Final = frozenset({"no_token", "bad_token", "insufficient_scope", "foreign_session"})
DENIED: Final = LOGIN | {"unknown_session", "host", "origin"}
"""From the specification of the record, not from the product."""


@dataclass(frozen=True)
class Attempt:
    """One way to be refused.

    Attributes:
        transports: where it can be tried.
        status: with which the release refuses it; None where MCP takes it.
        reason: the record's.
        user: the record's.
        method: as its headers claim it.
        tool: likewise.
    """

    name: str
    knock: Knock
    transports: Sequence[str]
    status: int | None = None
    reason: str = ""
    user: str = "alice"
    method: str | None = None
    tool: str | None = None

    @property
    def expected(self) -> dict[str, Any]:
        """What its record has to say."""
        return {
            "refusal": {"reason": self.reason, "status": self.status},
            "outcome": "denied" if self.reason in DENIED else "invalid_request",
            "action": "LOGIN" if self.reason in LOGIN else "EXECUTE",
            "user": self.user,
            "method": self.method,
            "tool": self.tool,
        }


def _session(**headers: str | bytes | None) -> Knock:
    """A call in alice's session."""
    return Knock(headers={name.replace("_", "-"): value for name, value in headers.items()}, body=call(), session=True)


def _by(headers: Headers) -> Knock:
    return Knock(headers=headers, body=call())


_LONG: Final = "n" * 60_000
_OUTSIDE: Final = "anonymous" if kernel.FASTMCP else "alice"
"""Who is seen by the check of hosts: fastmcp's stands before that of tokens."""

_UNKNOWN: Final = Knock(path="/messages/?session_id=" + "0" * 32, body=call())
_FORGED: Final = Knock(path="/messages/?session_id=%00%ff%3Cscript%3E", body=call())

EVERYWHERE: Final = (
    Attempt("no token", _by({"Authorization": None}), ALL, 401, "no_token", "anonymous"),
    Attempt("another scheme than Bearer", _by({"Authorization": "Basic eDp5"}), ALL, 401, "no_token", "anonymous"),
    Attempt("nobody's token", _by({"Authorization": f"Bearer {NOBODYS}"}), ALL, 401, "bad_token", "anonymous"),
    Attempt("an expired token", _by(bearer(EXPIRED)), ALL, 401, "bad_token", "anonymous"),
    Attempt("a token without the scope", _by(bearer(MALLORY)), ALL, 403, "insufficient_scope", "mallory"),
    Attempt(
        "another user's session",
        Knock(headers=bearer(BOB), body=call(), session=True),
        (*SESSIONS, "sse"),
        404 if OWNED else None,
        "foreign_session",
        "bob",
    ),
    Attempt("an unknown session", _by({"Mcp-Session-Id": "feed"}), SESSIONS, LOOKED_UP, "unknown_session"),
    Attempt("an unknown session", _UNKNOWN, ("sse",), 404, "unknown_session"),
    Attempt("a forged session", _by({"Mcp-Session-Id": b"\xff\xfe'; --"}), SESSIONS, LOOKED_UP, "unknown_session"),
    Attempt("a forged session", _FORGED, ("sse",), 400, "unknown_session"),
    Attempt("no session", Knock(body=call()), (*SESSIONS, "sse"), 400, "unknown_session"),
    Attempt("an accept header for HTML", _session(Accept="text/html"), HTTP, 406, "accept"),
    Attempt("a body that is text", _session(Content_Type="text/plain"), ALL, 400, "content_type"),
    Attempt("a body of no media type", _session(Content_Type=None), ALL, 400, "content_type"),
    Attempt("a body of nearly the media type", _session(Content_Type="application/jsonx"), HTTP, 415, "content_type"),
    Attempt("the method PUT", Knock("PUT", body=call(), session=True), METHODS, 405, "http_method"),
    Attempt("a method of 1,000 characters", Knock("X" * 1000, session=True), METHODS, 405, "http_method"),
    Attempt("a message where the stream is", Knock(path="/sse", body=call()), ("sse",), 405, "http_method"),
    Attempt("a second stream", Knock("GET", path="/mcp", session=True), SESSIONS, 409, "other"),
    Attempt("half a JSON text", Knock(body=b"{", session=True), ALL, 400, "malformed"),
    Attempt("JSON, and no JSON-RPC", Knock(body=b'{"a": 1}', session=True), ALL, 400, "malformed"),
    Attempt(
        "a tool's name of 60,000 characters",
        _by({"Authorization": None, "Mcp-Method": "tools/call", "Mcp-Name": _LONG}),
        ALL,
        401,
        "no_token",
        "anonymous",
        "tools/call",
        "n" * 255 + "…",
    ),
    Attempt("a path that is not MCP's", Knock("GET", path="/elsewhere"), ALL),
)

HOSTS: Final = (
    Attempt("a foreign host", _session(Host="evil.example"), ALL, 421, "host", _OUTSIDE),
    Attempt("a host that is no text", _session(Host=b"\xe9vil\xff"), ALL, 421, "host", _OUTSIDE),
    Attempt("a foreign origin", _session(Origin="https://evil.example"), ALL, 403, "origin", _OUTSIDE),
)

SIZES: Final = (
    Attempt(
        "a body of 5,000,000 bytes",
        Knock(headers={"Content-Length": "5000000"}, session=True),
        ALL,
        413,
        "too_large",
    ),
)

VERSIONS_1: Final = (Attempt("an unknown version", _session(MCP_Protocol_Version="1999-01-01"), HTTP, 400, "version"),)

_FUTURE: Final = "2099-01-01"
_ENVELOPE: Final = {**kernel.MODERN_META, "io.modelcontextprotocol/protocolVersion": _FUTURE}
_CALL: Final = ("alice", "tools/call", "echo")


def _enveloped(**params: Any) -> messages.Message:
    message = call("modern")
    return {**message, "params": {**message["params"], **params}}


VERSIONS_2: Final = (
    Attempt(
        "an unknown version",
        Knock(headers=modern(changes={"MCP-Protocol-Version": _FUTURE}), body=_enveloped(_meta=_ENVELOPE)),
        HTTP,
        400,
        "version",
        *_CALL,
    ),
    Attempt(
        "another tool in the headers",
        Knock(headers=modern(name="other"), body=call("modern")),
        HTTP,
        400,
        "header_mismatch",
        "alice",
        "tools/call",
        "other",
    ),
    Attempt(
        "another method in the headers",
        Knock(headers=modern("tools/list"), body=call("modern")),
        HTTP,
        400,
        "header_mismatch",
        "alice",
        "tools/list",
    ),
    Attempt(
        "no method in the headers",
        Knock(headers=modern(changes={"Mcp-Method": None}), body=call("modern")),
        HTTP,
        400,
        "header_mismatch",
    ),
    Attempt("no envelope", Knock(headers=modern(), body=call()), HTTP, 400, "malformed", *_CALL),
    Attempt("half an enveloped JSON text", Knock(headers=modern(), body=b"{"), HTTP, 400, "malformed", *_CALL),
    Attempt("an enveloped GET", Knock("GET", headers=modern()), HTTP, 405, "http_method", *_CALL),
    Attempt(
        "an enveloped call with an accept header for HTML",
        Knock(headers={**modern(), "Accept": "text/html"}, body=call("modern")),
        HTTP,
        406,
        "accept",
        *_CALL,
    ),
    Attempt("arguments that the kernel refuses", Knock(headers=modern(), body=_enveloped(arguments="text")), HTTP),
    Attempt(
        "a method that the kernel does not know",
        Knock(headers=modern("no/such", None), body=messages.request("1", "no/such", {}, "modern")),
        HTTP,
    ),
)

TAKEN: Final = (Attempt("a call that is served", _session(), ALL),)

OWN: Final = (Attempt("a route of the application's own", Knock("GET", path="/own"), ALL),)

ATTEMPTS: Final = (
    *TAKEN,
    *EVERYWHERE,
    *(HOSTS if CHECKED else ()),
    *(SIZES if LIMITED else ()),
    *(VERSIONS_2 if kernel.MODERN else VERSIONS_1),
    *(OWN if kernel.FASTMCP else ()),
)

CELLS: Final = [(transport, attempt) for attempt in ATTEMPTS for transport in attempt.transports]


def request_id(transport: str, attempt: Attempt) -> str:
    """The id under which client and record know it."""
    return f"{transport}-{CELLS.index((transport, attempt))}"
