"""What a file holds beside journal lines, and whether that matters."""

from collections.abc import Iterator
from typing import Final

from otel_mcp_audit.verify.finding import Finding

ENVELOPE: Final = 256
"""A JSON line shorter than this could not have held a record: it is a row about the export itself."""

SPACE: Final = b" \t\r\n"
STRUCTURE: Final = SPACE + b"[]{},"

_LIST: Final = SPACE + b"[],"


class Leftover:
    """The lines of a file that hold no record, and what stands beside records on their lines.

    In a file of nothing but journal lines everything else is too much. Where lines stand inside something else (an
    export, an archive, a table), only a whole JSON document that could have held a record is.

    Args:
        segment: the file is a journal segment, which holds nothing but journal lines.
    """

    def __init__(self, *, segment: bool = False) -> None:
        self._segment = segment
        self._bare = False
        self._inside = False
        self._lines = _Lines()
        self._documents = _Lines()
        self._beside = _Lines()

    def record(self, number: int, before: bytes, after: bytes) -> None:
        """Take what stands around a record on its line."""
        if before.strip(_LIST) or after.strip(_LIST):
            self._beside.add(number)
        elif before.strip(SPACE) or after.strip(SPACE):
            self._inside = True
        else:
            self._bare = True

    def inside(self) -> None:
        """A record stood inside a string, or on several lines."""
        self._inside = True

    def line(self, number: int, line: bytes, *, whole: bool = True) -> None:
        """Take a line without a record; not ``whole``: the last piece of one too long to be taken whole."""
        text = line.strip(SPACE)
        if not text.strip(STRUCTURE):
            return
        self._lines.add(number)
        document = len(text) >= ENVELOPE and text.startswith(b"{") and text.rstrip(b",").endswith(b"}")
        if document or not whole:
            self._documents.add(number)

    def findings(self, path: str) -> Iterator[Finding]:
        """The findings about a file that holds journal lines too."""
        if self._segment or (self._bare and not self._inside):
            yield from self._lines.finding(path, "no journal line")
            yield from self._beside.finding(path, "bytes beside a journal line")
        else:
            yield from self._documents.finding(path, "a document without a journal line")


class _Lines:
    def __init__(self) -> None:
        self._first = 0
        self._count = 0

    def add(self, number: int) -> None:
        self._first = self._first or number
        self._count += 1

    def finding(self, path: str, detail: str) -> Iterator[Finding]:
        if self._count:
            yield Finding(kind="foreign", path=path, line=self._first, count=self._count, detail=detail)
