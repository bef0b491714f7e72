"""Bearer tokens that hold any claims: JWTs signed with a shared secret, and verifiers that read them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from mcp.server.auth.provider import AccessToken
from pydantic import ConfigDict

from tests.scenes import fastmcp_servers

SECRET: Final = "not a secret at all, but long enough to be taken for one"
ISSUER: Final = "https://idp.example.com/realms/demo"
AUDIENCE: Final = "mcp-demo"
NO_CLIENT: Final = "no-client-named"


class OwnToken(AccessToken):
    """AccessToken before mcp 1.27 has no place for claims: a verifier adds them as fields of its own."""

    model_config = ConfigDict(extra="allow")


def token(claims: Mapping[str, Any]) -> str:
    """A signed token, from the demonstration's issuer unless it says another."""
    payload = {"iss": ISSUER, "aud": AUDIENCE, "exp": 4102444800, **claims}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(payload)}"
    return f"{signed}.{_text(_signature(signed))}"


class Verifier:
    """A ``TokenVerifier`` of an application with the SDK."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """Check the signature, and hand on all claims in whatever place this release has for them."""
        claims = _verified(token)
        if claims is None:
            return None
        known = _known(token, claims)
        if "claims" in AccessToken.model_fields:
            subject = claims.get("sub") if isinstance(claims.get("sub"), str) else None
            return AccessToken.model_validate({**known, "subject": subject, "claims": claims})
        return OwnToken.model_validate({**claims, **known})


def of_fastmcp() -> Any:
    """The framework's own verifier of JWTs, and one of ours for those that it refuses for their odd claims."""
    authorisation: Any = fastmcp_servers.names("server.auth")
    base: Any = fastmcp_servers.names("server.auth.providers.jwt").JWTVerifier

    class Lenient(base):
        async def verify_token(self, token: str) -> Any:
            framework: Any = super()
            found: Any = await framework.verify_token(token)
            if found is not None:
                return found
            claims = _verified(token)
            return claims and authorisation.AccessToken(**_known(token, claims), claims=claims)

    return Lenient(public_key=SECRET, algorithm="HS256", issuer=ISSUER, audience=AUDIENCE)


def _verified(token: str) -> dict[str, Any] | None:
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(_text(_signature(signed)), signature):
        return None
    return json.loads(_bytes(signed.partition(".")[2]))


def _known(token: str, claims: Mapping[str, Any]) -> dict[str, Any]:
    client = claims.get("client_id") or claims.get("azp") or NO_CLIENT
    return {"token": token, "client_id": client, "scopes": str(claims.get("scope", "")).split()}


def _signature(signed: str) -> bytes:
    return hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256)


def _part(content: Mapping[str, Any]) -> str:
    return _text(json.dumps(content).encode())


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
