"""Text that is kept while a file is read piece by piece."""

from typing import Final, NamedTuple

_OVERLAP: Final = 64
"""Bytes kept of a line that is too long to be kept: a key may be cut in two between its pieces."""


class Passage(NamedTuple):
    """A text out of a file.

    Attributes:
        text: its bytes.
        offset: where in the file it begins.
        line: number of its first line.
    """

    text: bytes
    offset: int
    line: int


class Buffer:
    """Pieces of a file, one after the other."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    @property
    def ends_line(self) -> bool:
        """Whether the last piece ended a line."""
        return bool(self._pieces) and self._pieces[-1].endswith(b"\n")

    def add(self, piece: bytes, keep: int | None = None) -> None:
        """Add a piece; beyond twice ``keep`` bytes, what is older than ``keep`` goes, up to a line end."""
        if not piece:
            return
        self._pieces.append(piece)
        self.size += len(piece)
        if keep is not None and self.size > 2 * keep:
            text = self.take()
            rest = text[-keep:].partition(b"\n")[2] if text.endswith(b"\n") else text[-_OVERLAP:]
            self.add(rest)

    def take(self) -> bytes:
        """All of it; the buffer is empty afterwards."""
        text = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self.clear()
        return text

    def clear(self) -> None:
        """Forget it."""
        self._pieces.clear()
        self.size = 0


class LineNumbers:
    """Numbers of the lines that offsets in a text stand in; quick for neighbouring offsets.

    Args:
        text: the text.
        first: number of its first line.
    """

    def __init__(self, text: bytes, first: int) -> None:
        self._text = text
        self._at = 0
        self._number = first

    def of(self, offset: int) -> int:
        """The number of the line that ``offset`` stands in."""
        if offset < self._at:
            self._number -= self._text.count(b"\n", offset, self._at)
        else:
            self._number += self._text.count(b"\n", self._at, offset)
        self._at = offset
        return self._number
