"""Who there is: two who may call, one whose token lacks the scope, one whose token has expired."""

from typing import Any, Final

from tests.scenes.accounts import ALICE, BOB, SCOPE, Account, ClaimsToken, claims

MALLORY: Final = Account("token-of-mallory", "mallory", "acme")
"""Known, and without the scope that is asked for."""

EXPIRED: Final = Account("token-of-yesterday", "yesterday", "acme")

NOBODYS: Final = "token-of-nobody"

VERIFIED: Final[dict[str, dict[str, Any]]] = {
    account.token: {
        "client_id": f"client-of-{account.user}",
        "claims": claims(account),
        "scopes": scopes,
        "expires_at": expires_at,
    }
    for account, scopes, expires_at in (
        (ALICE, [SCOPE], None),
        (BOB, [SCOPE], None),
        (MALLORY, [], None),
        (EXPIRED, [SCOPE], 1),
    )
}
"""What a verifier finds for a token; an expired one is found too, and refused by the SDK."""


def verified(token: str) -> ClaimsToken | None:
    """The SDK's own token for it; None where nobody has it."""
    found = VERIFIED.get(token)
    return None if found is None else ClaimsToken(token=token, subject=found["claims"]["sub"], **found)
