"""The last line of a file, read from its last bytes only."""

from collections.abc import Callable
from typing import Final

_STEP: Final = 128 * 1024
"""Bytes read at once: twice the longest line that is kept."""

Read = Callable[[int, int], bytes]
"""Reads at most so many bytes (second) from an offset (first)."""


def last_line_end(read: Read, size: int) -> int:
    """The offset after the last line end before ``size``; 0 where there is none."""
    end = size
    while end:
        start = max(0, end - _STEP)
        found = read(start, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def line_before(read: Read, end: int) -> bytes | None:
    """The whole line that ends at offset ``end``, without its line end; None where none is, or a too long one."""
    start = max(0, end - _STEP)
    *before, line = read(start, max(0, end - 1 - start)).rsplit(b"\n", 1)
    return line if line and (before or start == 0) else None
