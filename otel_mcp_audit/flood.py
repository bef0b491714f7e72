"""Who knocks too often: refusals are counted by peer and window, in bounded memory however many peers there are.

Pure: the caller says what time it is, and decides what a fold is.
"""

import ipaddress
from collections.abc import Hashable, Iterator
from functools import lru_cache
from typing import Final, Generic, TypeVar

from otel_mcp_audit.rate import Rate

PEERS: Final = 1024
"""Peers that have a window of their own at a time; all strangers beyond share one more."""

FOLDS: Final = 32
"""Folds of one peer that tell its users apart; what is beyond them is told apart by reason and status alone."""

ADDRESS_LIMIT: Final = 64
"""Characters of an address that count: a forwarding header may have put any text there."""

_STRANGERS: Final = "*"

F = TypeVar("F")


@lru_cache(maxsize=PEERS)
def peer(address: str | None) -> str:
    """Under which name an address is counted: an IPv6 network of 64 bits is one peer, its hosts choose the rest."""
    shown = (address or "")[:ADDRESS_LIMIT]
    if ":" not in shown:
        return shown
    try:
        parsed = ipaddress.IPv6Address(shown.partition("%")[0])
    except ValueError:
        return shown
    return str(parsed.ipv4_mapped or ipaddress.IPv6Network((parsed, 64), strict=False))


class Window(Generic[F]):
    """What one peer has done since the window began.

    Attributes:
        ends: when it does.
        folds: what is counted in it.
    """

    __slots__ = ("_singles", "ends", "folds")

    def __init__(self, ends: float, singles: int) -> None:
        self.ends = ends
        self.folds: dict[Hashable, F] = {}
        self._singles = singles

    def single(self) -> bool:
        """Whether one more is recorded by itself; it counts as that."""
        self._singles -= 1
        return self._singles >= 0


class Floods(Generic[F]):
    """The windows of all peers.

    Args:
        rate: how many are recorded singly in how long, each peer.
    """

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._windows: dict[str, Window[F]] = {}  # in the order in which they end: all are equally long
        self._over: list[F] = []

    def window(self, name: str, now: float) -> Window[F]:
        """The window of a peer, or a new one; of all strangers together where there are too many peers."""
        found = self._windows.get(name)
        if found is not None and now < found.ends:
            return found
        if found is not None:
            self._close(name)
        elif len(self._windows) >= PEERS and name != _STRANGERS:
            self._sweep(now)
            if len(self._windows) >= PEERS:
                return self.window(_STRANGERS, now)
        begun = self._windows[name] = Window[F](now + self._rate.seconds, self._rate.times)
        return begun

    def over(self, now: float) -> list[F]:
        """The folds of all windows that have ended by now; each is given once."""
        self._sweep(now)
        folds, self._over = self._over, []
        return folds

    def all(self) -> list[F]:
        """The folds of all windows, ended or not; each is given once, and the windows go on."""
        for window in self._windows.values():
            self._over += window.folds.values()
            window.folds.clear()
        folds, self._over = self._over, []
        return folds

    def next_end(self) -> float | None:
        """When the next window ends in which something was counted; None where there is none."""
        return next(self._counting(), None)

    def _counting(self) -> Iterator[float]:
        return (window.ends for window in self._windows.values() if window.folds)

    def _sweep(self, now: float) -> None:
        while self._windows:
            name, window = next(iter(self._windows.items()))
            if now < window.ends:
                return
            self._close(name)

    def _close(self, name: str) -> None:
        self._over += self._windows.pop(name).folds.values()
