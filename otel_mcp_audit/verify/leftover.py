"""What a file holds beside journal lines, and whether that matters."""

from typing import Final

from otel_mcp_audit.verify.finding import Finding

ENVELOPE: Final = 256
"""A JSON line shorter than this could not have held a record: it is a row about the export itself."""

SPACE: Final = b" \t\r\n"
STRUCTURE: Final = SPACE + b"[]{},"


class Leftover:
    """The lines of a file that hold no record.

    In a file of nothing but journal lines every other line is one too many. Where lines stand inside something else (an
    export, an archive, a table), only a whole JSON document that could have held a record counts.
    """

    def __init__(self) -> None:
        self._any = _Lines()
        self._documents = _Lines()

    def add(self, number: int, line: bytes, *, whole: bool = True) -> None:
        """Take the line with this number; not ``whole``: the last piece of one that was too long to be taken whole."""
        text = line.strip(SPACE)
        if not text.strip(STRUCTURE):
            return
        self._any.add(number)
        document = len(text) >= ENVELOPE and text.startswith(b"{") and text.rstrip(b",").endswith(b"}")
        if document or not whole:
            self._documents.add(number)

    def finding(self, path: str, *, bare: bool) -> Finding | None:
        """The finding about a file that holds journal lines too.

        Args:
            path: the file.
            bare: all its journal lines stand alone on a line, as written.
        """
        lines = self._any if bare else self._documents
        if not lines.count:
            return None
        detail = "a line that is no journal line" if lines.count == 1 else "lines that are no journal lines"
        return Finding(kind="foreign", path=path, line=lines.first, count=lines.count, detail=detail)


class _Lines:
    def __init__(self) -> None:
        self.first = 0
        self.count = 0

    def add(self, number: int) -> None:
        self.first = self.first or number
        self.count += 1
