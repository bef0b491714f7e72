"""Whose address it was: forwarding headers are any text, and count only from the operator's own proxies."""

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_mcp_audit.client_address import HOPS_LIMIT, Client, Proxies, direct, parse

PROXIES = Proxies.parse("10.0.0.0/8, 192.0.2.7, 2001:db8::/32")
PEER = "10.0.0.1"
STRANGER = "203.0.113.9"


def plain(*lines: str, peer: str | None = PEER, proxies: Proxies = PROXIES) -> Client:
    return proxies.client(peer, [], lines)


def rfc(*lines: str) -> Client:
    return PROXIES.client(PEER, lines, [])


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("203.0.113.9", STRANGER),
        ("6.6.6.6, 203.0.113.9", STRANGER),
        ("6.6.6.6, 203.0.113.9, 10.9.9.9, 192.0.2.7", STRANGER),
        ("203.0.113.9:51234", STRANGER),
        ("2a00::1", "2a00::1"),
        ("[2a00::1]", "2a00::1"),
        ("[2A00:0::0001]:443, 2001:db8::5", "2a00::1"),
        ("::ffff:203.0.113.9", STRANGER),
        ("[::ffff:203.0.113.9]:80", STRANGER),
        (" 203.0.113.9 ,\t10.0.0.2 ", STRANGER),
    ],
)
def test_the_rightmost_address_that_no_proxy_has_is_the_clients(line: str, address: str) -> None:
    assert plain(line) == Client(address, "forwarded")


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("for=203.0.113.9", STRANGER),
        ("For=6.6.6.6;proto=http;by=10.1.1.1, FOR=203.0.113.9;proto=https", STRANGER),
        ('for="203.0.113.9:8080"', STRANGER),
        ('for="[2a00::1]:443";host="a,b;c", for=10.0.0.4', "2a00::1"),
        ('host="say \\"for=6.6.6.6\\"";for=203.0.113.9', STRANGER),
        ("for=_hidden, for=203.0.113.9", STRANGER),
    ],
)
def test_forwarded_is_read_as_its_standard_has_it(line: str, address: str) -> None:
    assert rfc(line) == Client(address, "forwarded")


@pytest.mark.parametrize(
    "line",
    [
        *("", "unknown", "localhost", "203.0.113", "203.0.113.09", "1" * 5000, "203.0.113.9:port", "a.b.c.d"),
        *("6.6.6.6,", "6.6.6.6, unknown", "fe80::1%<script>", "[2a00::1", "2a00::1]:80", "٢٠٣.٠.١١٣.٩", "10.0.0.2"),
    ],
)
def test_text_that_is_no_address_and_proxies_alone_leave_the_peer(line: str) -> None:
    assert plain(line) == Client(PEER, "peer")
    assert plain("6.6.6.6", line) == Client(PEER, "peer") or line in {"", "10.0.0.2"}


@pytest.mark.parametrize(
    "line",
    [
        *("", "for=", "for=unknown", "for=_hidden", "for=2a00::1", "by=6.6.6.6", "for=6.6.6.6 for=7.7.7.7"),
        *("for=6.6.6.6;for=203.0.113.9", 'for="203.0.113.9', "for=203.0.113.9,", "203.0.113.9", "for=10.0.0.2"),
        'for="[2a00::1]:443" x',
    ],
)
def test_what_is_not_written_as_the_standard_has_it_leaves_the_peer(line: str) -> None:
    assert rfc(line) == Client(PEER, "peer")


def test_what_a_client_wrote_first_does_not_hide_what_the_proxy_adds() -> None:
    assert rfc('for="6.6.6.6, never closed', "for=203.0.113.9") == Client(STRANGER, "forwarded")
    assert plain("6.6.6.6", STRANGER) == Client(STRANGER, "forwarded")


def test_a_stranger_is_believed_nothing() -> None:
    for peer in (STRANGER, "testclient", "", "fe80::1%eth0"):
        assert PROXIES.client(peer, ["for=6.6.6.6"], ["6.6.6.6"]) == Client(peer, "peer")


def test_two_headers_count_only_together() -> None:
    assert PROXIES.client(PEER, ["for=203.0.113.9"], ["6.6.6.6, 203.0.113.9"]) == Client(STRANGER, "forwarded")
    assert PROXIES.client(PEER, ["for=6.6.6.6"], [STRANGER]) == Client(PEER, "peer")
    assert PROXIES.client(PEER, ["for=unknown"], [STRANGER]) == Client(PEER, "peer")


def test_a_unix_socket_is_a_proxy_only_where_it_is_listed() -> None:
    assert plain(STRANGER, peer=None) == Client(None, None)
    assert plain(STRANGER, peer=None, proxies=Proxies.parse("unix")) == Client(STRANGER, "forwarded")
    assert plain(STRANGER, peer=PEER, proxies=Proxies.parse("unix")) == Client(PEER, "peer")


def test_an_address_of_version_4_is_written_as_one() -> None:
    assert direct("::ffff:203.0.113.9") == direct("::FFFF:203.0.113.9") == Client(STRANGER, "peer")
    assert plain(STRANGER, peer="::ffff:10.0.0.1") == Client(STRANGER, "forwarded")


def test_no_more_hops_are_read_than_any_chain_has() -> None:
    assert plain(", ".join([STRANGER, *["10.0.0.2"] * (HOPS_LIMIT - 1)])) == Client(STRANGER, "forwarded")
    assert plain(", ".join([STRANGER, *["10.0.0.2"] * HOPS_LIMIT])) == Client(PEER, "peer")


ADDRESSES = st.ip_addresses().map(str)
LINES = st.lists(st.one_of(st.text(), ADDRESSES, ADDRESSES.map("for={}".format)).map(str), max_size=4)


@given(st.none() | st.text() | ADDRESSES, LINES, LINES)
@example(PEER, ['for="\\'], ['"'])
def test_whatever_headers_say_the_answer_is_the_peer_or_an_address_in_them(
    peer: str | None, forwarded: list[str], plain_lines: list[str]
) -> None:
    found = PROXIES.client(peer, forwarded, plain_lines)
    assert found == direct(peer) or (found.source == "forwarded" and parse(found.address or "") is not None)
    assert found == direct(peer) or (peer is not None and parse(peer) is not None)


@given(st.lists(ADDRESSES, max_size=5), st.ip_addresses(v=4), st.lists(st.sampled_from(["10.1.2.3", "2001:db8::9"])))
def test_nothing_that_a_client_wrote_changes_what_the_proxies_saw(
    written: list[str], seen: ipaddress.IPv4Address, proxies: list[str]
) -> None:
    line = ", ".join([*written, str(seen), *proxies[: HOPS_LIMIT - 1]])
    trusted = any(seen in ipaddress.ip_network(network) for network in ("10.0.0.0/8", "192.0.2.7/32"))
    assert trusted or plain(line) == Client(str(seen), "forwarded")
