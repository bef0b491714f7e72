"""Whose address a request came from: that of the peer, or the one that the operator's proxies have handed on.

A forwarding header is text that anybody can send. It counts only from a peer that is a trusted proxy, and it is read
from its end: each proxy adds what it has seen there, so the first address that is no trusted proxy's was seen by one.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice
from typing import Final, NamedTuple

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNIX: Final = "unix"
"""In the list of proxies: whoever connects through a unix socket, who has no address."""

HOPS_LIMIT: Final = 32
"""Hops that are read of one header, from its end."""

_MAPPED: Final = "::ffff:"
_V4_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_WITH_PORT: Final = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](:\d{1,5})?|(?P<v4>[\d.]+):\d{1,5}", re.ASCII)
_PAIR: Final = re.compile(
    r"""[ \t]*(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?P<value>"(?:[^"\\]|\\.)*"|[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*"""
)
"""A pair of RFC 7239, section 4."""


class Client(NamedTuple):
    """An address and where it is from: ``peer``, ``server``, ``forwarded``; both None where nothing is known."""

    address: str | None = None
    source: str | None = None


class Proxies:
    """The proxies whose forwarding headers are believed.

    Args:
        networks: where they are.
        unix: whether a peer on a unix socket is one.
    """

    def __init__(self, networks: Sequence[Network], *, unix: bool) -> None:
        self._networks = networks
        self._unix = unix

    @classmethod
    def parse(cls, text: str) -> "Proxies":
        """Read a comma list of networks, addresses and ``unix``.

        Raises:
            ValueError: says which part is neither, and the mend.
        """
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if not parts:
            raise ValueError("write networks or addresses separated by commas")
        return cls([_network(part) for part in parts if part != UNIX], unix=UNIX in parts)

    def client(self, peer: str | None, forwarded: Sequence[str], x_forwarded_for: Sequence[str]) -> Client:
        """Who is behind ``peer``.

        Where both headers come they have to name the same address: a proxy that writes the one hands the other on as
        the client sent it.

        Args:
            peer: the address at the other end of the connection; None on a unix socket.
            forwarded: the lines of the header ``Forwarded``, in their order.
            x_forwarded_for: the lines of ``X-Forwarded-For``, likewise.
        """
        if self._trusts_peer(peer):
            said = [_forwarded_hops(forwarded)] if forwarded else []
            said += [_plain_hops(x_forwarded_for)] if x_forwarded_for else []
            found = {self._nearest_stranger(hops) for hops in said}
            if len(found) == 1 and (stranger := found.pop()) is not None:
                return Client(str(stranger), "forwarded")
        return direct(peer)

    def _trusts_peer(self, peer: str | None) -> bool:
        if peer is None:
            return self._unix
        address = parse(peer)
        return address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _nearest_stranger(self, hops: Iterator[Address | None]) -> Address | None:
        """The last address that is no trusted proxy's; None where text that is no address stands before it."""
        near = islice(hops, HOPS_LIMIT)
        return next((hop for hop in near if hop is None or not self._trusts(hop)), None)


@lru_cache(maxsize=8)
def proxies(text: str) -> Proxies:
    """``Proxies.parse``, once a text."""
    return Proxies.parse(text)


def direct(peer: str | None) -> Client:
    """The peer itself; an IPv4 address is written as one, also where the server listens on IPv6."""
    if peer is None:
        return Client()
    if peer[:7].lower() == _MAPPED:
        peer = str(parse(peer) or peer)
    return Client(peer, "peer")


def parse(text: str) -> Address | None:
    """An address without its port, IPv4 as such; None for any other text, names and zones included."""
    text = text.strip()
    if (found := _WITH_PORT.fullmatch(text)) is not None:
        text = found["v6"] or found["v4"]
    if "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text} is no network; write it like 10.0.0.0/8, 192.0.2.7, 2001:db8::/32 or unix") from error
    if isinstance(network, IPv6Network) and network.subnet_of(_V4_MAPPED):
        raise ValueError(f"{text} is IPv4 inside IPv6; write the IPv4 network itself")
    return network


def _plain_hops(lines: Sequence[str]) -> Iterator[Address | None]:
    """The addresses of ``X-Forwarded-For``, nearest first."""
    yield from map(parse, reversed(",".join(lines).split(",")))


def _forwarded_hops(lines: Sequence[str]) -> Iterator[Address | None]:
    """The addresses of ``Forwarded``, nearest first; a line that cannot be read is a hop without one."""
    for line in reversed(lines):
        yield from reversed(_elements(line))


def _elements(line: str) -> list[Address | None]:
    elements: list[Address | None] = []
    names: dict[str, str] = {}
    at = 0
    while (pair := _PAIR.match(line, at)) is not None and pair["name"].lower() not in names:
        names[pair["name"].lower()] = pair["value"]
        at = pair.end()
        end = line[at : at + 1]
        if end != ";":
            elements.append(parse(_unquoted(names.get("for", ""))))
            names = {}
        if not end:
            return elements
        if end not in ";,":
            break
        at += 1
    return [None]


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
