"""Who called: verified claims, the operating system, or nobody."""

import os
import pwd
from types import SimpleNamespace

import pytest

from otel_mcp_audit import identity
from otel_mcp_audit.record import Actor
from otel_mcp_audit.settings import TENANT_CLAIMS, USER_CLAIMS


def token(**fields: object) -> SimpleNamespace:
    return SimpleNamespace(**{"token": "SECRET", "client_id": "cli", "scopes": ["read"], **fields})


def who(given: object, user: tuple[str, ...] = USER_CLAIMS, tenant: tuple[str, ...] = TENANT_CLAIMS):
    return identity.from_token(given, user, tenant)


def test_user_and_tenant_come_from_the_verified_claims() -> None:
    user, _ = who(token(claims={"sub": "u-1", "tid": "acme", "email": "a@b.c", "roles": ["nurse"]}))
    assert (user.id, user.tenant_id, user.email, list(user.roles), user.type) == (
        "u-1",
        "acme",
        "a@b.c",
        ["nurse"],
        "user",
    )
    assert (user.authenticated, user.source, user.client_id, list(user.scopes)) == (True, "token", "cli", ["read"])


def test_a_token_without_a_subject_is_authenticated_and_nameless() -> None:
    user, _ = who(token(claims={}))
    assert (user.authenticated, user.id, user.client_id, user.type) == (True, "anonymous", "cli", "service")


def test_a_subject_that_is_the_client_itself_is_a_service() -> None:
    assert who(token(claims={"sub": "cli", "client_id": "cli"}))[0].type == "service"
    assert who(token(claims={"sub": "cli", "azp": "cli"}))[0].type == "service"


def test_a_verifier_that_names_the_subject_as_client_makes_no_service_of_a_person() -> None:
    assert who(token(client_id="u-ana", claims={"sub": "u-ana"}))[0].type == "user"


def test_a_kernel_without_claims_is_read_by_the_fields_of_the_verifiers_own_token() -> None:
    assert who(token(tenant="acme", sub="u-2"))[0].tenant_id == "acme"
    assert who(token(tenant="acme", sub="u-2"))[0].id == "u-2"


def test_the_token_itself_is_never_kept() -> None:
    assert "SECRET" not in repr(who(token(claims={"sub": "u"})))


@pytest.mark.parametrize(
    ("claims", "names", "expected"),
    [
        ({"https://x.example/tenant": "a"}, ("https://x.example/tenant",), "a"),
        ({"org": {"id": "b"}}, ("org.id",), "b"),
        ({"org.id": "stands", "org": {"id": "path"}}, ("org.id",), "stands"),
        ({"org.id": "", "org": {"id": "path"}}, ("org.id",), "path"),
        ({"a": "", "b": "hit"}, ("a", "b"), "hit"),
        ({"a": 42}, ("a",), "42"),
        ({"a": True, "b": "hit"}, ("a", "b"), "hit"),
        ({"a": ["x"], "b": {"c": 1}}, ("a", "b"), None),
        ({}, ("a",), None),
    ],
)
def test_the_first_claim_that_is_not_empty_wins(
    claims: dict[str, object], names: tuple[str, ...], expected: str
) -> None:
    assert identity.first_claim(claims, names) == expected


def test_an_agent_that_acts_for_a_person_stands_in_the_delegation_current_first() -> None:
    _, chain = who(token(claims={"sub": "person", "act": {"sub": "agent-2", "act": {"sub": "agent-1"}}}))
    assert chain == ["agent-2", "agent-1"]


def test_a_hostile_chain_is_marked_and_bounded() -> None:
    act: dict[str, object] = {"sub": "last"}
    for depth in range(1000):
        act = {"sub": f"a{depth}", "act": act}
    _, chain = who(token(claims={"sub": "p", "act": act}))
    assert (len(chain), chain[-1]) == (identity.DELEGATION_LIMIT + 1, "…")
    assert who(token(claims={"sub": "p", "act": "nonsense"}))[1] == ["…"]


def test_many_roles_are_cut_and_marked() -> None:
    roles = who(token(claims={"sub": "u", "roles": [f"r{n}" for n in range(1000)]}))[0].roles
    assert (len(roles), roles[-1]) == (identity.LIST_LIMIT + 1, "…")


def test_on_stdio_the_caller_is_the_login_name_of_the_effective_user() -> None:
    user = identity.from_os()
    assert (user.id, user.source, user.type) == (pwd.getpwuid(os.geteuid()).pw_name, "os", "user")


def test_an_actor_given_by_hand_is_taken_over() -> None:
    user, chain = identity.from_actor(Actor("u", tenant_id="t", email="e", roles=["r"], delegation=["a"]))
    assert (user.id, user.tenant_id, user.source, chain) == ("u", "t", "resolver", ["a"])
