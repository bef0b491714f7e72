"""Why a request was refused before MCP: from the HTTP status and what was noted on the way. A pure table."""

from typing import Final, NamedTuple

DENIED: Final = frozenset(
    {"no_token", "bad_token", "insufficient_scope", "foreign_session", "unknown_session", "host", "origin"}
)
"""Reasons that are about who asks or whence; the others are about how, and their outcome is ``invalid_request``."""

IDENTITY: Final = frozenset({"no_token", "bad_token", "insufficient_scope", "foreign_session"})
"""Reasons for which an identity was refused: ``LOGIN``."""

SECURITY: Final = {400: "content_type", 403: "origin", 421: "host"}
"""What the kernels' check of a request's headers answers, by status."""

ENVELOPE: Final = {-32020: "header_mismatch", -32022: "version"}
"""JSON-RPC codes with which 2.x refuses a request that carries its own envelope; any other is about its form."""

_BY_STATUS: Final = {
    403: "insufficient_scope",
    405: "http_method",
    406: "accept",
    413: "too_large",
    415: "content_type",
    421: "host",
}


class Noted(NamedTuple):
    """What is known of a refused request.

    Attributes:
        status: the HTTP status.
        said: the reason as whoever refused it gave it away.
        bearer: whether it brought a bearer token.
        session_known: whether the session that it names exists; None where none was looked up.
    """

    status: int
    said: str | None = None
    bearer: bool = False
    session_known: bool | None = None


def refuses(status: int) -> bool:
    """Whether an HTTP status is a refusal: the client's fault, or a server that takes no more sessions."""
    return 400 <= status < 500 or status == 503  # noqa: PLR2004 -- as HTTP has them


def reason(noted: Noted) -> str:
    """The reason's name in the record; ``other`` where the status has to speak for itself."""
    if noted.said is not None:
        return noted.said
    if noted.status == 401:  # noqa: PLR2004 -- likewise
        return "bad_token" if noted.bearer else "no_token"
    if noted.status == 404:  # noqa: PLR2004 -- likewise
        return "foreign_session" if noted.session_known else "unknown_session"
    if noted.status == 400:  # noqa: PLR2004 -- likewise
        return "unknown_session" if noted.session_known is False else "malformed"
    return _BY_STATUS.get(noted.status, "other")


def outcome(why: str) -> str:
    """The record's outcome."""
    return "denied" if why in DENIED else "invalid_request"


def action(why: str) -> str:
    """The record's action: a refused identity has tried to log in."""
    return "LOGIN" if why in IDENTITY else "EXECUTE"
