"""Who called: from the verified token of this request, from the operating system on stdio, or nobody.

Claims come from a token that the server's own verifier accepted. They are still text from outside: capped, and bounded
in depth and number.
"""

import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, cast

from otel_mcp_audit.line import ANONYMOUS, UNASSIGNED, User
from otel_mcp_audit.record import Actor
from otel_mcp_audit.redaction import optional_text, text

LIST_LIMIT: Final = 32
"""Roles or scopes that are kept; more are marked by a last ``…``."""

DELEGATION_LIMIT: Final = 8
"""Links of the RFC 8693 ``act`` chain that are kept; a longer one is marked by a last ``…``."""

MORE: Final = "…"

_STANDARD_FIELDS: Final = frozenset({"token", "client_id", "scopes", "expires_at", "resource", "subject", "claims"})

NOBODY: Final = User()
"""No verified identity: the literal ``anonymous``, tenant ``unassigned``."""


def from_token(token: object, user_claim: Sequence[str], tenant_claim: Sequence[str]) -> tuple[User, list[str]]:
    """The user and the delegation chain of a verified ``AccessToken``.

    A token without a subject is authenticated and nameless: its id stays ``anonymous``, its client is kept.
    """
    claims = _claims(token)
    client_id = optional_text(getattr(token, "client_id", None))
    found = first_claim(claims, user_claim)
    user = User(
        authenticated=True,
        client_id=client_id,
        email=optional_text(claims.get("email")),
        id=found or ANONYMOUS,
        name=optional_text(claims.get("name")),
        roles=_texts(claims.get("roles")),
        scopes=_texts(getattr(token, "scopes", None)),
        source="token",
        tenant_id=first_claim(claims, tenant_claim) or UNASSIGNED,
        type="service" if found in {None, client_id} else "user",
    )
    return user, list(_delegation(claims.get("act")))


def from_actor(actor: Actor) -> tuple[User, list[str]]:
    """The user as a resolver or the caller of an ``Auditor`` named it."""
    user = User(
        authenticated=True,
        client_id=optional_text(actor.client_id),
        email=optional_text(actor.email),
        id=text(actor.id) or ANONYMOUS,
        name=optional_text(actor.name),
        roles=_texts(actor.roles),
        source="resolver",
        tenant_id=optional_text(actor.tenant_id) or UNASSIGNED,
        type=actor.type,
    )
    return user, _texts(actor.delegation, DELEGATION_LIMIT)


def from_os() -> User:
    """The login name of the effective uid, the number where it has none: who runs a stdio server is its caller."""
    return _of_uid(os.geteuid(), "user")


def system() -> User:
    """The actor of records about the trail itself."""
    return _of_uid(os.geteuid(), "system")


@lru_cache(maxsize=4)
def _of_uid(uid: int, kind: str) -> User:
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return User(id=text(name), source="os", type=kind)


def first_claim(claims: Mapping[str, object], names: Sequence[str]) -> str | None:
    """The first non-empty hit; a name that exists as it stands wins over the same name read as a path."""
    for name in names:
        for value in (claims.get(name), _at_path(claims, name)):
            if isinstance(value, str) and value.strip():
                return text(value.strip())
            if isinstance(value, int) and not isinstance(value, bool):
                return text(f"{value:d}"[:64])
    return None


def _at_path(claims: Mapping[str, object], path: str) -> object:
    value: object = claims
    for part in path.split("."):
        value = _mapping(value).get(part)
    return value


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _claims(token: object) -> dict[str, object]:
    """All claims, and the fields that a verifier's own token class adds: mcp before 1.27 has no claims of its own."""
    own = {name: value for name, value in vars(token).items() if name not in _STANDARD_FIELDS}
    claims = {**own, **_mapping(getattr(token, "claims", None))}
    subject = getattr(token, "subject", None)
    if subject and not claims.get("sub"):
        claims["sub"] = subject
    return claims


def _texts(values: object, limit: int = LIST_LIMIT) -> list[str]:
    if not isinstance(values, (list, tuple)):
        return []
    items = cast("Sequence[object]", values)
    kept = [text(item) for item in items[:limit] if isinstance(item, str)]
    return [*kept, MORE] if len(items) > limit else kept


def _delegation(act: object) -> Iterator[str]:
    """Current actor first, then earlier ones; what cannot be read is marked, never left out in silence."""
    for _ in range(DELEGATION_LIMIT):
        if act is None:
            return
        yield first_claim(_mapping(act), ("sub", "client_id", "azp")) or MORE
        act = _mapping(act).get("act")
    if act is not None:
        yield MORE
