"""Who called: from the verified token of this request, from the operating system on stdio, or nobody.

Claims come from a token that the server's own verifier accepted. They are still text from outside: capped, and bounded
in depth and number.
"""

import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, cast

from otel_mcp_audit import faults
from otel_mcp_audit.line import ANONYMOUS, UNASSIGNED, User
from otel_mcp_audit.record import Actor, Call
from otel_mcp_audit.redaction import optional_text, text

LIST_LIMIT: Final = 32
"""Roles or scopes that are kept; more are marked by a last ``…``."""

DELEGATION_LIMIT: Final = 8
"""Links of the RFC 8693 ``act`` chain that are kept; a longer one is marked by a last ``…``."""

MORE: Final = "…"

NUMBER_LIMIT: Final = 10**64
"""Numbers from here on name nobody: Python refuses to write out the longest."""

CLIENT_CLAIMS: Final = ("client_id", "azp")
"""Where a token names the client that it was issued to: RFC 9068, and OpenID Connect."""

NOBODY_COUNT: Final = "identity: anonymous"
NO_TENANT_COUNT: Final = "identity: unassigned"
"""Under what calls without a user, and those without a tenant, stand in ``faults.counts``."""

Named = tuple[User, Sequence[str]]
"""Who called, and the delegation chain: current actor first."""

_TYPES: Final = frozenset({"user", "service", "system", "unknown"})

_STANDARD_FIELDS: Final = frozenset({"token", "client_id", "scopes", "expires_at", "resource", "subject", "claims"})

NOBODY: Final = User()
"""No verified identity: the literal ``anonymous``, tenant ``unassigned``."""


def of_call(call: Call, user_claim: Sequence[str], tenant_claim: Sequence[str]) -> Named:
    """Who made a call as far as it tells by itself: by its verified token, else by the operating system on stdio."""
    if call.token is not None:
        try:
            return from_token(call.token, user_claim, tenant_claim)
        except Exception as error:  # noqa: BLE001 -- a token of any class must not cost the record
            faults.report("reading a token", error)
    return (from_os() if call.transport == "stdio" else NOBODY), ()


def count(user: User) -> None:
    """Count a call whose user or tenant is missing."""
    if user.id == ANONYMOUS:
        faults.counts[NOBODY_COUNT] += 1
    if user.tenant_id == UNASSIGNED:
        faults.counts[NO_TENANT_COUNT] += 1


def from_token(token: object, user_claim: Sequence[str], tenant_claim: Sequence[str]) -> Named:
    """The user and the delegation chain of a verified ``AccessToken``.

    A token without a subject is authenticated and nameless: its id stays ``anonymous``, its client is kept. Its type
    is ``service``, as is that of a token whose subject is the client it was issued to (RFC 9068, section 5). What the
    verifier says of the client does not count there: some put the subject in its place where a token names none.
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
        type="service" if found in {None, first_claim(claims, CLIENT_CLAIMS)} else "user",
    )
    return user, list(_delegation(claims.get("act")))


def from_actor(actor: Actor) -> Named:
    """The user as a resolver or the caller of an ``Auditor`` named it, whatever the fields hold."""
    user = User(
        authenticated=True,
        client_id=_name(actor.client_id),
        email=_name(actor.email),
        id=_name(actor.id) or ANONYMOUS,
        name=_name(actor.name),
        roles=_texts(actor.roles),
        source="resolver",
        tenant_id=_name(actor.tenant_id) or UNASSIGNED,
        type=actor.type if isinstance(actor.type, str) and actor.type in _TYPES else "unknown",  # pyright: ignore[reportUnnecessaryIsInstance] -- the application's own value
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
        found = _name(claims.get(name)) or _name(_at_path(claims, name))
        if found is not None:
            return found
    return None


def claim(claims: Mapping[str, object], names: Sequence[str]) -> str | None:
    """Which of ``names`` that is."""
    return next((name for name in names if first_claim(claims, (name,)) is not None), None)


def _name(value: object) -> str | None:
    """What can name somebody: text that is not blank, or a whole number; None for anything else."""
    if isinstance(value, str):
        return text(value.strip()) or None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < NUMBER_LIMIT:
        return str(value)
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
    fields = {**_mapping(getattr(token, "__dict__", None)), **_mapping(getattr(token, "model_extra", None))}
    own = {name: value for name, value in fields.items() if name not in _STANDARD_FIELDS}
    claims = {**own, **_mapping(getattr(token, "claims", None))}
    subject = getattr(token, "subject", None)
    if subject and not claims.get("sub"):
        claims["sub"] = subject
    return claims


def _texts(values: object, limit: int = LIST_LIMIT) -> list[str]:
    if isinstance(values, str):  # one role is not always a list of one
        values = [values] if values else []
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
