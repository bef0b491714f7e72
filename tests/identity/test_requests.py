"""Who called, on real servers: by this very request's token, by a resolver, by the operating system; and from where."""

import os
import pwd
from collections import Counter
from typing import Any

import pytest

from otel_mcp_audit.identity import DELEGATION_LIMIT, LIST_LIMIT
from otel_mcp_audit.resolver import FAILED, SLOW
from tests.identity.cases import CASES, given
from tests.identity.play import ADDRESSES, ASYNC_ONLY, HOSTILE, LEFT, PERSON, REQUEST_IDS, RESOLVED, TURNS, TWO, Told
from tests.scenes import kernel

LOGIN = pwd.getpwuid(os.geteuid()).pw_name


def test_every_call_that_was_made_has_one_record(told: Told) -> None:
    tokens = sum(map(len, CASES.values()))
    by_claims = 2 + len(HOSTILE) + tokens + len(ADDRESSES) + len(REQUEST_IDS)
    assert len(told.claims) == by_claims
    assert len(told.paths) == 2 * TURNS + 1 + tokens
    assert len(told.resolved) == len(RESOLVED) + len(ASYNC_ONLY) + 1
    assert len(told.stdio) == len(RESOLVED)
    everything = [*told.claims, *told.paths, *told.resolved, *told.stdio]
    assert len({record.id for record in everything}) == len(everything)
    asked = Counter(record.event["request"]["rpc_id"] for record in told.claims)
    assert set(asked.values()) == {1}
    outcomes = Counter(record.event["response"]["outcome"] for record in everything)
    assert outcomes == {"success": len(everything) - 1, "cancelled": 1}


@pytest.mark.row("user id", "tenant", "client", "scopes", "roles", "e-mail", "name")
def test_all_that_a_token_says_of_a_person_is_on_record(told: Told) -> None:
    user = told.event(told.claims, "person")["user"]
    assert (user["id"], user["tenant_id"], user["client_id"]) == ("u-1", "acme", "crm")
    assert (user["scopes"], user["roles"]) == (["read", "write"], PERSON["roles"])
    assert (user["email"], user["name"]) == (PERSON["email"], PERSON["name"])
    assert (user["authenticated"], user["source"], user["type"]) == (True, "token", "user")


@pytest.mark.row("a token without a person")
def test_a_token_without_a_person_is_a_service(told: Told) -> None:
    user = told.event(told.claims, "service")["user"]
    assert (user["id"], user["client_id"], user["type"]) == ("crm", "crm", "service")


@pytest.mark.row("tenant by claim lists (case 018)")
@pytest.mark.parametrize("setting", given("case-018", "settings.json"), ids=lambda each: next(iter(each))[15:])
def test_case_018_names_that_are_urls_paths_and_empty_hits(told: Told, setting: dict[str, Any]) -> None:
    if "both" in setting["expect"]:
        assert told.event(told.paths, "both")["user"]["tenant_id"] == setting["expect"]["both"]
        return
    key = "id" if "OTEL_MCP_AUDIT_USER_CLAIM" in setting else "tenant_id"
    for name, expected in setting["expect"].items():
        assert told.event(told.claims, name)["user"][key] == expected


@pytest.mark.row("a token without a subject (case 019)")
@pytest.mark.parametrize(
    ("name", "by_subject", "by_order"),
    [
        ("slim-with-name", "anonymous", "ana"),
        ("slim-with-email", "anonymous", "ana@example.com"),
        ("slim", "anonymous", "anonymous"),
        ("null-sub", "anonymous", "anonymous"),
        ("number-sub", "4711", "4711"),
    ],
)
def test_case_019_who_is_nameless_is_authenticated_all_the_same(
    told: Told, name: str, by_subject: str, by_order: str
) -> None:
    for records, expected in ((told.claims, by_subject), (told.paths, by_order)):
        user = told.event(records, name)["user"]
        assert (user["authenticated"], user["id"], user["client_id"]) == (True, expected, "crm-ui")
        assert user["type"] == ("service" if expected == "anonymous" else "user")


@pytest.mark.row("delegation (case 020)")
@pytest.mark.parametrize(
    ("name", "chain"),
    [
        ("direct", []),
        ("one-agent", ["agent-planner"]),
        ("agent-of-agent", ["agent-mailer", "agent-planner"]),
        ("deep", [*(f"agent-{39 - depth}" for depth in range(DELEGATION_LIMIT)), "…"]),
        *((f"odd-shapes {number}", ["…"]) for number in range(4)),
        ("odd-shapes 4", []),
    ],
)
def test_case_020_who_acts_for_the_person_is_told_apart(told: Told, name: str, chain: list[str]) -> None:
    event = told.event(told.claims, name)
    assert event["user"]["id"] == "u-ana"
    assert event["delegation"] == chain


@pytest.mark.row("claims of any kind")
@pytest.mark.parametrize("name", HOSTILE)
def test_claims_of_any_kind_cost_at_most_their_own_field(told: Told, name: str) -> None:
    event = told.event(told.claims, name)
    user = event["user"]
    assert user["authenticated"] is True
    texts = [user[key] for key in ("id", "tenant_id", "name", "email") if user[key] is not None]
    assert all(isinstance(text, str) and text and text.isprintable() and len(text) <= 256 for text in texts)
    assert all(isinstance(role, str) and len(role) <= 256 for role in user["roles"])
    assert len(user["roles"]) <= LIST_LIMIT + 1
    if name in {"numbers", "booleans", "lists", "objects"}:
        assert (user["id"], user["name"], event["delegation"]) == ("anonymous", None, ["…"])
    if name == "one role":
        assert user["roles"] == ["nurse"]


@pytest.mark.row("OS user on stdio")
def test_on_stdio_the_operating_system_says_who(told: Told) -> None:
    user = told.event(told.stdio, "none")["user"]
    assert (user["id"], user["source"], user["type"], user["authenticated"]) == (LOGIN, "os", "user", False)


@pytest.mark.row("client ip and its source")
@pytest.mark.parametrize("name", ADDRESSES)
def test_the_clients_address_is_what_trusted_proxies_saw(told: Told, name: str) -> None:
    request = told.event(told.claims, name)["request"]
    assert (request["client_ip"], request["client_ip_source"]) == ADDRESSES[name][1:]


@pytest.mark.row("client ip and its source")
def test_without_the_setting_what_the_web_server_believed_is_called_so(told: Told) -> None:
    request = told.event(told.resolved, "rewritten")["request"]
    assert (request["client_ip"], request["client_ip_source"]) == ("6.6.6.6", "server")
    request = told.event(told.resolved, "none")["request"]
    assert (request["client_ip"], request["client_ip_source"]) == ("127.0.0.1", "peer")


@pytest.mark.row("client ip on a unix socket")
def test_on_a_unix_socket_only_a_trusted_proxy_knows_an_address(told: Told) -> None:
    request = told.event(told.paths, "through a proxy")["request"]
    assert (request["client_ip"], request["client_ip_source"]) == (LEFT, "forwarded")
    request = told.event(told.paths, "ana-0")["request"]
    assert (request["client_ip"], request["client_ip_source"]) == (None, None)


@pytest.mark.row("request id and its source")
@pytest.mark.parametrize("name", REQUEST_IDS)
def test_a_request_id_is_the_clients_if_it_can_be_one(told: Told, name: str) -> None:
    event = told.event(told.claims, name)
    expected = (REQUEST_IDS[name], "client") if name == "client" else (event["id"], "generated")
    assert (event["request"]["id"], event["request"]["id_source"]) == expected


@pytest.mark.row("agent", "protocol version", "session", "JSON-RPC id")
def test_what_a_client_claims_of_itself_is_on_record_as_claimed(told: Told) -> None:
    event = told.event(told.paths, "ana-0")
    assert event["agent"] == {"name": "scenes-wire", "version": "1"}
    request = event["request"]
    assert (request["protocol_version"], request["session_id"]) == (kernel.LEGACY_VERSION, told.session)
    assert (request["rpc_id"], request["transport"]) == ('"ana-0"', "http")


@pytest.mark.row("two users and tenants on one session")
def test_two_users_of_two_tenants_on_one_session_are_kept_apart(told: Told) -> None:
    for user, tenant in TWO.items():
        events = [told.event(told.paths, f"{user}-{turn}") for turn in range(TURNS)]
        assert {(event["user"]["id"], event["user"]["tenant_id"]) for event in events} == {(user, tenant)}
        assert {event["request"]["session_id"] for event in events} == {told.session}


@pytest.mark.row("resolver, plain")
@pytest.mark.parametrize("how", RESOLVED)
def test_a_plain_resolver_says_who_or_leaves_it_to_the_default(told: Told, how: str) -> None:
    _assert_resolved(told.event(told.stdio, how), how, "stdio", LOGIN, "os")


@pytest.mark.row("resolver, async")
@pytest.mark.parametrize("how", [*RESOLVED, *ASYNC_ONLY])
def test_an_async_resolver_says_who_in_time_or_leaves_it_to_the_default(told: Told, how: str) -> None:
    _assert_resolved(told.event(told.resolved, how), how, "http", "u-1", "token")


def _assert_resolved(event: Any, how: str, transport: str, default: str, source: str) -> None:
    user = event["user"]
    if how in {"answer", "patient"}:
        assert (user["id"], user["source"], user["name"]) == ("echo-of-directory", "resolver", transport)
        assert (user["tenant_id"], user["roles"]) == (event["request"]["id"], ["asked"])
    elif how == "huge":
        assert (user["source"], user["type"]) == ("resolver", "unknown")
        assert {len(user[key]) for key in ("id", "tenant_id", "email", "name")} == {256}
        assert (len(user["roles"]), len(event["delegation"])) == (LIST_LIMIT + 1, DELEGATION_LIMIT + 1)
    else:
        assert (user["id"], user["source"]) == (default, source)


def test_a_resolver_that_hangs_costs_a_second_of_its_own_call(told: Told) -> None:
    response = told.event(told.resolved, "hang")["response"]
    assert response["duration_us"] >= 1e6 * 0.99  # the call's time counts from its arrival


def test_a_call_that_is_taken_back_while_the_resolver_is_asked_is_on_record(told: Told) -> None:
    event = told.event(told.resolved, "patient")
    assert (event["response"]["outcome"], event["user"]["source"]) == ("cancelled", "resolver")


def test_what_a_resolver_did_not_answer_is_said_in_the_log_without_its_words(told: Told) -> None:
    assert FAILED in told.log
    assert SLOW in told.log
    assert "the directory is away" not in told.log
