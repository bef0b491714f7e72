"""All that clients ask of four servers, which are started together; what is left are the records."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.identity import directory
from tests.identity.cases import FIRST, TOKENS
from tests.identity.serving import Server, Session, call
from tests.identity.tokens import token
from tests.scenes import messages
from tests.scenes.reconcile import Event, Kept

PERSON: Final = {
    "sub": "u-1",
    "tenant_id": "acme",
    "client_id": "crm",
    "scope": "read write",
    "roles": ["nurse", "clerk"],
    "email": "ana@example.com",
    "name": "Ana",
}
SHARED: Final = {"sub": "shared", "client_id": "crm"}
TWO: Final = {"ana": "red", "bela": "blue"}
"""Users and their tenants whose tokens have one issuer, client and subject: every kernel lets both into one session."""

TURNS: Final = 8
"""Calls of each in one session, all at once."""

RESOLVED: Final = ("none", "answer", "raise", "wrong", "huge")
ASYNC_ONLY: Final = ("hang", "cancel", "patient")

HOSTILE: Final[dict[str, Any]] = {
    "numbers": {"sub": 1e308, "tenant_id": 2**62, "name": 7, "email": 1, "roles": 3, "act": 4},
    "booleans": {"sub": True, "tenant_id": False, "name": True, "email": False, "roles": True, "act": True},
    "lists": {"sub": ["u"], "tenant_id": [["t"]], "name": [], "email": [1], "roles": [1, None, {"a": 1}], "act": [[]]},
    "objects": {"sub": {"sub": "u"}, "tenant_id": {}, "name": {"a": 1}, "email": {}, "roles": {"a": "b"}, "act": {}},
    "controls": {"sub": "a\x1b[31m\x9b\x00", "tenant_id": "\ud800", "name": "\n", "email": "\x7f", "roles": ["\x00"]},
    "huge": {"sub": "s" * 9000, "tenant_id": "t" * 9000, "name": "n" * 9000, "roles": ["r" * 50] * 300},
    "one role": {"sub": "u", "roles": "nurse"},
}
"""Claims of every JSON type, in every field that is read."""

LEFT: Final = "203.0.113.9"


class Address(NamedTuple):
    """Forwarding headers, and what the record has to say where loopback is a trusted proxy."""

    lines: tuple[tuple[str, str], ...]
    address: str = "127.0.0.1"
    source: str = "peer"


ADDRESSES: Final = {
    "peer": Address(()),
    "x-forwarded-for": Address((("X-Forwarded-For", f"6.6.6.6, {LEFT}, 10.1.1.1"),), LEFT, "forwarded"),
    "two lines": Address((("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", LEFT)), LEFT, "forwarded"),
    "with a port": Address((("X-Forwarded-For", f"{LEFT}:4711"),), LEFT, "forwarded"),
    "forwarded": Address((("Forwarded", f'for="[2a00::1]:80";by=_p, for="{LEFT}:80"'),), LEFT, "forwarded"),
    "version 6": Address((("Forwarded", 'for="[2A00::1]:443"'),), "2a00::1", "forwarded"),
    "both agree": Address((("Forwarded", f"for={LEFT}"), ("X-Forwarded-For", LEFT)), LEFT, "forwarded"),
    "both differ": Address((("Forwarded", "for=6.6.6.6"), ("X-Forwarded-For", LEFT))),
    "no address": Address((("X-Forwarded-For", "<script>"),)),
    "obfuscated": Address((("Forwarded", "for=_hidden"),)),
}

REQUEST_IDS: Final = {"client": "req-abc123", "blank in it": "a b", "too long": "x" * 129, "not ASCII": "é"}


@dataclass
class Told:
    """What is left: the records of each server, and what was seen on the way."""

    claims: list[Kept] = field(default_factory=list[Kept])
    paths: list[Kept] = field(default_factory=list[Kept])
    resolved: list[Kept] = field(default_factory=list[Kept])
    stdio: list[Kept] = field(default_factory=list[Kept])
    session: str = ""
    log: str = ""

    def event(self, records: Sequence[Kept], name: str) -> Event:
        """The one record of a call that went by this JSON-RPC id."""
        (found,) = (record.event for record in records if record.event["request"]["rpc_id"] == f'"{name}"')
        return found


def play(folder: Path) -> Told:
    """Start the servers, ask, end them."""
    told = Told()
    folders = {name: folder / name for name in ("claims", "paths", "resolved", "stdio")}
    for each in folders.values():
        each.mkdir()
    with ExitStack() as running:
        claims = running.enter_context(
            Server(folders["claims"], "stateless", tenant_claim=FIRST, trusted_proxies="127.0.0.1, 10.0.0.0/8")
        )
        paths = running.enter_context(
            Server(
                folders["paths"],
                "stateful",
                unix=True,
                tenant_claim="org.id, tenant_id",
                user_claim="uid, sub, preferred_username, email",
                trusted_proxies="unix",
            )
        )
        resolved = running.enter_context(
            Server(folders["resolved"], "stateful", identity="tests.identity.directory:waiting")
        )
        stdio = running.enter_context(Server(folders["stdio"], "stdio", identity="tests.identity.directory:plain"))
        for server in (claims, paths, resolved):
            server.await_ready()
        with ThreadPoolExecutor(8) as clients:
            playing = [
                *_ask_by_claims(clients, claims),
                *_ask_by_paths(clients, paths, told),
                *_ask_resolver(clients, resolved),
                clients.submit(_ask_over_stdio, stdio),
            ]
            for played in playing:
                played.result()
    told.claims, told.paths, told.resolved, told.stdio = (
        [record for record in server.records() if record.event["event_type"] == "tool_call"]
        for server in (claims, paths, resolved, stdio)
    )
    told.log = resolved.stderr.text
    return told


def _ask_by_claims(clients: ThreadPoolExecutor, server: Server) -> list[Any]:
    given = {"person": PERSON, "service": {"sub": "crm", "azp": "crm"}, **HOSTILE, **TOKENS}
    person = {"Authorization": f"Bearer {token(PERSON)}"}
    by_token = [
        clients.submit(server.post, call(name), {"Authorization": f"Bearer {token(claims)}"})
        for name, claims in given.items()
    ]
    by_address = [clients.submit(server.post, call(name), person, address.lines) for name, address in ADDRESSES.items()]
    by_id = [
        clients.submit(server.post, call(name), {**person, "X-Request-ID": value.encode("utf-8").decode("latin-1")})
        for name, value in REQUEST_IDS.items()
    ]
    return by_token + by_address + by_id


def _ask_by_paths(clients: ThreadPoolExecutor, server: Server, told: Told) -> list[Any]:
    users = {user: token({**SHARED, "uid": user, "tenant_id": tenant}) for user, tenant in TWO.items()}
    shared = Session(server, users["ana"])
    told.session = shared.id
    turns = [(f"{user}-{turn}", of) for turn in range(TURNS) for user, of in users.items()]
    calls = [clients.submit(shared.call, name, of) for name, of in turns]
    calls.append(clients.submit(shared.call, "through a proxy", **{"X-Forwarded-For": f"6.6.6.6, {LEFT}"}))

    def alone(name: str, claims: dict[str, Any]) -> None:
        Session(server, token(claims)).call(name)

    return calls + [clients.submit(alone, name, claims) for name, claims in TOKENS.items()]


def _ask_resolver(clients: ThreadPoolExecutor, server: Server) -> list[Any]:
    session = Session(server, token(PERSON))

    def taken_back() -> None:
        calling = clients.submit(session.call, "patient", **{"X-Try": "patient"})
        server.stderr.await_line(lambda line: directory.ASKED.encode() in line)
        session.send(messages.cancelled("patient"), {})
        calling.result()

    asked = [
        clients.submit(session.call, how, **{"X-Try": how}) for how in (*RESOLVED, *ASYNC_ONLY) if how != "patient"
    ]
    asked.append(clients.submit(session.call, "rewritten", **{"X-Forwarded-For": "6.6.6.6:4711"}))
    taken_back()
    return asked


def _ask_over_stdio(server: Server) -> None:
    server.talk(messages.initialize("opening"), messages.INITIALIZED, *(call(how, how) for how in RESOLVED))
