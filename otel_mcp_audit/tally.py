"""What this process has counted of its trail since it began: sums that only grow, for whoever collects them."""

import os
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from otel_mcp_audit import faults

_INTERRUPTED_S: Final = 0.1
"""Seconds after which whoever holds a sum's lock is taken for a thread that a signal handler has interrupted."""

Kind = tuple[str, ...]


class Sum:
    """A count by kind. Safe in threads; anew in a forked child, whose parent goes on counting its own.

    Args:
        known: kinds that are there from the start: an alarm on what grows does not see what comes out of nothing.
    """

    def __init__(self, *known: Kind) -> None:
        self._known = known
        self._counts: Counter[Kind] = Counter(dict.fromkeys(known, 0))
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)

    def add(self, *kind: str, count: int = 1) -> None:
        """Count so many of a kind."""
        held = self._lock.acquire(timeout=_INTERRUPTED_S)
        self._counts[kind] += count
        if held:
            self._lock.release()

    def read(self) -> dict[Kind, int]:
        """The counts so far."""
        return dict(self._counts)

    def _forget(self) -> None:
        self._counts, self._lock = Counter(dict.fromkeys(self._known, 0)), threading.Lock()


LOSSES: Final = (
    *("not_kept", "not_opened", "not_synced"),
    *("segment_deleted", "segment_truncated", "segment_cut_back", "corrupt_tail", "corrupt_starts"),
)
"""Why a record is missing in the journal: could not be kept as promised, or was taken from it by somebody."""

EMITTED: Final = Sum()
"""Records that were kept in the journal: event type, outcome."""

EXPORTED: Final = Sum()
"""Records that a sink has acknowledged: sink."""

DROPPED: Final = Sum(*((reason, "") for reason in LOSSES))
"""Records that are missing somewhere: why, and the sink they are missing at or ``""`` where it is the journal."""

EXPORTS: Final[list[Callable[[str, float, str | None], None]]] = []
"""Told of each attempt of a delivery: the sink, seconds, and the kind of error or None."""


def expect(sink: str) -> None:
    """Records will go to a sink."""
    EXPORTED.add(sink, count=0)
    DROPPED.add("quarantined", sink, count=0)


def export(sink: str, seconds: float, error: str | None) -> None:
    """Tell of an attempt."""
    for each in tuple(EXPORTS):
        _tell(each, sink, seconds, error)


@faults.harmless("metrics")
def _tell(each: Callable[[str, float, str | None], None], sink: str, seconds: float, error: str | None) -> None:
    each(sink, seconds, error)
