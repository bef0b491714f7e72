"""How much goes into one request: bounded, and less where a destination takes less."""

from collections.abc import Sequence
from typing import Final

from otel_mcp_audit.delivery.item import Item
from otel_mcp_audit.record import LINE_LIMIT

RECORDS: Final = 500
"""Records of a request; its cost at a Collector is one sync, whatever it holds."""

BYTES: Final = 1024 * 1024
"""Bytes of journal lines of a request: with its attributes below the 4 MiB that a gRPC server takes by default."""

_STEADY: Final = 16
"""Requests in a row, as large as was allowed, after which a larger one is tried."""


class Limits:
    """Learned from refusals, kept for the requests that follow, and given up slowly."""

    def __init__(self) -> None:
        self.records = RECORDS
        self.bytes = BYTES
        self._steady = 0

    @property
    def read_bytes(self) -> int:
        """Bytes to read at once: one line at least."""
        return max(self.bytes, LINE_LIMIT)

    def reached(self, items: Sequence[Item]) -> bool:
        """Whether reading stopped at a limit, so that there is more."""
        return len(items) >= self.records or sum(item.size for item in items) + LINE_LIMIT > self.read_bytes

    def pieces(self, items: Sequence[Item]) -> list[list[Item]]:
        """The items in order, in requests that keep the limits; a single item may be larger."""
        pieces: list[list[Item]] = []
        size = 0
        for item in items:
            size += item.size
            if not pieces or len(pieces[-1]) >= self.records or size > self.bytes:
                pieces.append([])
                size = item.size
            pieces[-1].append(item)
        return pieces

    def refused(self, items: Sequence[Item]) -> None:
        """So many were too many: half of it from now on."""
        self.records = max(1, len(items) // 2)
        self.bytes = max(1, sum(item.size for item in items) // 2)
        self._steady = 0

    def accepted(self, items: Sequence[Item]) -> None:
        """So many were taken."""
        if len(items) < self.records and 2 * sum(item.size for item in items) < self.bytes:
            return
        self._steady += 1
        if self._steady >= _STEADY:
            self._steady = 0
            self.records = min(RECORDS, 2 * self.records)
            self.bytes = min(BYTES, 2 * self.bytes)

    def forget(self) -> None:
        """What was learned came from a destination that refuses everything."""
        self.__init__()
