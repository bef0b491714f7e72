"""A sample token: which of its claims would name user and tenant here. Their values are not shown."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from otel_mcp_audit import identity, settings
from otel_mcp_audit.doctor.check import Check
from otel_mcp_audit.doctor.subject import Subject

READ_LIMIT: Final = 1024 * 1024
"""Bytes of the file that are read."""


def sample(subject: Subject) -> Iterator[Check]:
    """The token that was given to look at; nothing where none was."""
    if subject.token is None:
        return
    claims = _claims(subject.token)
    if claims is None:
        yield Check("claims", "fail", f"{subject.token} is no JWT and no claims as JSON", "save one of the two in it")
        return
    found, _ = settings.read(subject.environ)
    yield _named(claims, "user", found.user_claim)
    yield _named(claims, "tenant", found.tenant_claim)


def _named(claims: Mapping[str, Any], what: str, names: Sequence[str]) -> Check:
    name = identity.claim(claims, names)
    if name is not None:
        return Check("claims", "ok", f"{what} by {name}")
    mend = f"name one of the token's own: {settings.PREFIX}{what.upper()}_CLAIM"
    return Check("claims", "warn", f"no {what}: none of {', '.join(names)} names one", mend)


def _claims(file: Path) -> Mapping[str, Any] | None:
    """The claims in a file: as JSON, or as the middle part of a JWT, whose signature is the server's to check."""
    with file.open("rb") as opened:
        content = opened.read(READ_LIMIT).strip()
    parts = content.split(b".")
    try:
        if not content.startswith(b"{") and len(parts) == 3:  # noqa: PLR2004 -- header, claims, signature
            content = base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4))
        claims = json.loads(content)
    except (ValueError, RecursionError, binascii.Error):
        return None
    return cast("Mapping[str, Any]", claims) if isinstance(claims, dict) else None
