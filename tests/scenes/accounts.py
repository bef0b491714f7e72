"""Three users of two tenants, and the verifier that knows their bearer tokens."""

from dataclasses import dataclass
from typing import Any, Final

from mcp.server.auth.provider import AccessToken

SCOPE: Final = "records"
CLIENT: Final = "scenes-client"


@dataclass(frozen=True)
class Account:
    """A user as the client knows itself: its bearer token, and what the record has to say about it."""

    token: str
    user: str
    tenant: str


ALICE: Final = Account("token-of-alice", "alice", "acme")
BOB: Final = Account("token-of-bob", "bob", "globex")
CAROL: Final = Account("token-of-carol", "carol", "acme")
ACCOUNTS: Final = (ALICE, BOB, CAROL)

ANA: Final = Account("ana", "u-ana", "t-red")
BELA: Final = Account("bela", "u-bela", "t-blue")
ANA_RENEWED: Final = Account("ana-renewed", "u-ana", "t-red")
CASE_001: Final = (ANA, BELA, ANA_RENEWED)
"""The tokens of that case, by their names there."""


class ClaimsToken(AccessToken):
    """AccessToken before mcp 1.27 has neither subject nor claims: servers add them like this."""

    subject: str | None = None
    claims: dict[str, Any] | None = None


NAMELESS: Final = Account("token-of-a-program", "", "")
"""A valid token that names nobody: no subject, no claims, and on early releases not even a place for them."""


def account(token: str) -> Account | None:
    """Whose token it is; None where nobody has it."""
    return next((account for account in (*ACCOUNTS, *CASE_001, NAMELESS) if account.token == token), None)


def claims(known: Account) -> dict[str, str]:
    """What its token claims."""
    return {"iss": "https://idp.example", "sub": known.user, "tenant_id": known.tenant} if known.user else {}


def _access_token(known: Account) -> AccessToken:
    if known is NAMELESS:
        return AccessToken(token=known.token, client_id=CLIENT, scopes=[SCOPE])
    return ClaimsToken(
        token=known.token,
        client_id=CLIENT,
        scopes=[SCOPE],
        subject=known.user,
        claims=claims(known),
    )


class Verifier:
    """A ``TokenVerifier`` of our own: the SDK's authentication calls it for every request."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token's identity, or None where nobody has it."""
        known = account(token)
        return known and _access_token(known)
