"""Time and identity of a record: both come from one reading of the clock."""

import os
import time
from functools import lru_cache
from typing import Final

_NS_PER_S: Final = 1_000_000_000


def now_ns() -> int:
    """Nanoseconds since the epoch, UTC."""
    return time.time_ns()


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
