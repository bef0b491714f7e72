"""The hashes of one stream by sequence number: 32 bytes a record, in any order of arrival."""

from collections.abc import Iterator
from typing import Final

_SIZE: Final = 32
_PAGE: Final = 16
"""Records of a page: small, so that a hostile file with scattered numbers costs at most twice its own size."""
_ABSENT: Final = bytes(_SIZE)


class Hashes:
    """A sparse array of SHA-256 digests, indexed from 1."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}
        self.top = 0
        self.count = 0

    def get(self, seq: int) -> bytes | None:
        """The digest at ``seq``."""
        page = self._pages.get(seq // _PAGE)
        if page is None:
            return None
        at = seq % _PAGE * _SIZE
        digest = bytes(page[at : at + _SIZE])
        return None if digest == _ABSENT else digest

    def put(self, seq: int, digest: bytes) -> None:
        """Set a digest that was absent."""
        page = self._pages.get(seq // _PAGE)
        if page is None:
            page = self._pages[seq // _PAGE] = bytearray(_PAGE * _SIZE)
        at = seq % _PAGE * _SIZE
        page[at : at + _SIZE] = digest
        self.count += 1
        self.top = max(self.top, seq)

    def gaps(self, top: int) -> Iterator[tuple[int, int]]:
        """Ranges (first, last) of absent numbers from 1 to ``top``, in order."""
        expected = 1
        if self.count == self.top:  # nothing is missing below: no need to look
            expected = self.top + 1
        else:
            for seq in self._present():
                if seq > expected:
                    yield expected, seq - 1
                expected = seq + 1
        if expected <= top:
            yield expected, top

    def _present(self) -> Iterator[int]:
        for number in sorted(self._pages):
            for offset in range(_PAGE):
                if bytes(self._pages[number][offset * _SIZE : (offset + 1) * _SIZE]) != _ABSENT:
                    yield number * _PAGE + offset
