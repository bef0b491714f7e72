"""How much goes into one request: bounded, and less where a destination takes less."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from otel_mcp_audit.delivery.item import Item
from otel_mcp_audit.line import LINE_LIMIT

RECORDS: Final = 500
"""Records of a request; its cost at a Collector is one sync, whatever it holds."""

BYTES: Final = 1024 * 1024
"""Bytes of journal lines of a request: with its attributes below the 4 MiB that a gRPC server takes by default."""

_STEADY: Final = 16
"""Requests in a row, as large as was allowed, after which a larger one is tried."""


class Limit(NamedTuple):
    """The most that goes into one request."""

    records: int
    bytes: int


MOST: Final = Limit(RECORDS, BYTES)


class Limits:
    """Learned from refusals, kept for the requests that follow, and given up slowly.

    Attributes:
        now: what holds now.
    """

    def __init__(self) -> None:
        self.now = MOST
        self._steady = 0

    @property
    def read_bytes(self) -> int:
        """Bytes to read at once: one line at least."""
        return max(self.now.bytes, LINE_LIMIT)

    def reached(self, items: Sequence[Item]) -> bool:
        """Whether reading stopped at a limit, so that there is more."""
        return len(items) >= self.now.records or _bytes(items) + LINE_LIMIT > self.read_bytes

    def first_of(self, items: Sequence[Item]) -> Sequence[Item]:
        """As many of the items as one request may hold: one at least, however large."""
        size = 0
        for number, item in enumerate(items[: self.now.records]):
            size += item.size
            if number and size > self.now.bytes:
                return items[:number]
        return items[: self.now.records]

    def refused(self, items: Sequence[Item]) -> None:
        """So many were too many: half of it from now on."""
        records, size = max(1, len(items) // 2), max(1, _bytes(items) // 2)
        self.now = Limit(min(records, self.now.records), min(size, self.now.bytes))
        self._steady = 0

    def accepted(self, items: Sequence[Item]) -> None:
        """So many were taken."""
        if 2 * len(items) < self.now.records and 2 * _bytes(items) < self.now.bytes:
            return
        self._steady += 1
        if self._steady >= _STEADY:
            self._steady = 0
            self.now = Limit(min(RECORDS, 2 * self.now.records), min(BYTES, 2 * self.now.bytes))


def _bytes(items: Sequence[Item]) -> int:
    return sum(item.size for item in items)
