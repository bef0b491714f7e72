"""Time and identity of a record: both come from one reading of the clock."""

import os
import time
from functools import lru_cache
from typing import Final

from msgspec import Struct

_NS_PER_S: Final = 1_000_000_000


class Stamp(Struct, frozen=True, gc=False):
    """What a record gets when its call arrives.

    Attributes:
        id: the record's.
        ns: nanoseconds since the epoch.
        ticks: where the counter stood that the call's duration is taken from.
    """

    id: str
    ns: int
    ticks: int


def now_ns() -> int:
    """Nanoseconds since the epoch, UTC."""
    return time.time_ns()


def ticks() -> int:
    """Nanoseconds of a counter that nobody sets back."""
    return time.perf_counter_ns()


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def timestamp(ns: int) -> str:
    """RFC 3339 in UTC with six fraction digits, always: ``2026-11-24T10:30:00.000000Z``. Truncates, never rounds up."""
    seconds, rest = divmod(ns, _NS_PER_S)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


def record_id(ns: int) -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, 12 of their fraction, 62 random."""
    milliseconds, rest = divmod(ns, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{(milliseconds << 80) | (0x7000 | fraction) << 64 | 0x8000_0000_0000_0000 | random:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def stamp() -> Stamp:
    """For a call that arrives now."""
    ns = now_ns()
    return Stamp(record_id(ns), ns, ticks())
