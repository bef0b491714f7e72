"""One file, piece by piece: hands every journal line to the chain and judges what is left over."""

import re
from collections.abc import Callable
from typing import Final

from otel_mcp_audit.verify.chain import Chain
from otel_mcp_audit.verify.finding import Place, at
from otel_mcp_audit.verify.leftover import SPACE, STRUCTURE, Leftover
from otel_mcp_audit.verify.line import Claim, identity
from otel_mcp_audit.verify.quoting import depth_change
from otel_mcp_audit.verify.text import BARE, RECORD_LIMIT, Found, find

_ARCHIVED: Final = b'{"resourceLogs":'
"""Begins every request in a Collector's archive. It cannot stand inside a JSON string: what precedes it has ended."""

_BEFORE_ARCHIVED: Final = re.compile(b"(?=" + re.escape(_ARCHIVED) + b")")
_KEPT: Final = 64 * 1024
_OVERLAP: Final = 64
_BOM: Final = b"\xef\xbb\xbf"


class Scanner:
    """Feeds the content of one file to a chain.

    Args:
        chain: takes the records.
        path: the file's name in findings.
        live: whether a running writer appends to the file: a half line at its end is then still being written.

    Attributes:
        found: how many journal lines there were, sound or not.
        blank: there was nothing at all.
    """

    def __init__(self, chain: Chain, path: str, live: Callable[[], bool] = lambda: False) -> None:
        self.found = 0
        self.blank = True
        self._leftover = Leftover()
        self._chain = chain
        self._path = path
        self._live = live
        self._number = 0
        self._tail: bytes | None = None  # a line whose end has not come yet: its last piece
        self._hit = False  # the line at hand held a record
        self._all_bare = True
        self._last = b""
        self._kept = b""  # lines without a record: the object around a later key may have begun in them
        self._open: list[bytes] = []  # a record whose end has not come yet
        self._open_line = 0
        self._depth = 0

    def feed(self, piece: bytes) -> None:
        """Take the next line with its line end, or the next piece of a line too long to be taken whole."""
        begins = self._tail is None
        if begins:
            self._number += 1
            self._hit = False
            if self._number == 1:
                piece = piece.removeprefix(_BOM)
            if piece.startswith(BARE):
                self._close()
                if self._chain.written(piece.rstrip(SPACE)):
                    self.found += 1
                    self.blank = False
                    self._last = piece
                    self._kept = b""
                    return
        self.blank = self.blank and not piece.strip(STRUCTURE)
        self._tail = None if piece.endswith(b"\n") else piece
        self._go_on(piece) if self._open else self._look(piece)
        if self._tail is None and not self._hit:
            self._leftover.add(self._number, piece, whole=begins)

    def finish(self) -> None:
        """The file has ended."""
        if self._tail is not None and not self._hit:
            if self.found and BARE.startswith(self._tail):
                self._torn_tail()
            else:
                self._leftover.add(self._number, self._tail, whole=True)
        self._close(ended=True)
        finding = self._leftover.finding(self._path, bare=self._all_bare) if self.found else None
        if finding is not None:
            self._chain.find(finding)

    def _look(self, piece: bytes) -> None:
        """Search a line, or a piece of one."""
        parts = [part for part in _BEFORE_ARCHIVED.split(piece) if part]
        for part in parts:
            archived = part.startswith(_ARCHIVED)
            over = archived and (part is not parts[-1] or self._tail is None)
            before = b"" if archived else self._kept
            torn = self._search(before + part, len(before), self._number - before.count(b"\n"), final=over)
            if over and not torn and not part.rstrip(SPACE).endswith(b"}"):
                self._chain.torn_copy(None, None, Place(self._path, self._number))

    def _go_on(self, piece: bytes) -> None:
        """Add to the record that is open; look again when it can have ended."""
        lines = self._open[-1].endswith(b"\n")
        self._hit = True
        self._open.append(piece)
        self._depth += depth_change(piece)
        if not lines or self._depth <= 0 or sum(map(len, self._open)) > RECORD_LIMIT:
            text, self._open = b"".join(self._open), []
            self._search(text, 0, self._open_line, final=False)

    def _close(self, *, ended: bool = False) -> None:
        """No more of the open record comes."""
        if self._open:
            text, self._open = b"".join(self._open), []
            self._search(text, 0, self._open_line, final=True, ended=ended)

    def _search(self, text: bytes, begin: int, line: int, *, final: bool, ended: bool = False) -> bool:
        """Hand over every record in a text whose first line has the number ``line``; answers whether one was torn."""
        torn, end = False, 0
        for found in find(text, begin, final=final):
            line += text.count(b"\n", end, found.start)
            self._hit = True
            if found.end is None or found.reading is None:
                self._open = [text[found.start :]]
                self._open_line = line
                self._depth = depth_change(self._open[0])
                return torn
            torn |= self._hand(found, Place(self._path, line), ended=ended)
            self._check_bare(text, found, Place(self._path, line))
            line += text.count(b"\n", found.start, found.end)
            end = found.end
        self._keep(text[end:])
        return torn

    def _hand(self, found: Found, place: Place, *, ended: bool) -> bool:
        """Hand one record to the chain; answers whether it was torn."""
        self.found += 1
        reading = found.reading
        if not isinstance(reading, Claim) or reading.kind != "torn":
            if reading is not None:
                self._chain.take(reading, place)
            return False
        if found.wrapped:
            self._chain.torn_copy(reading.stream, reading.seq, place)
        elif not (ended and self._live()):
            self._chain.take(reading, place)
        return True

    def _check_bare(self, text: bytes, found: Found, place: Place) -> None:
        """A record alone on its line must be alone there."""
        end = found.end or 0
        starts_line = found.start == 0 or text[found.start - 1 : found.start] == b"\n"
        if found.wrapped or not starts_line or b"\n" in text[found.start : end]:
            self._all_bare = False
            return
        rest = text[end:].partition(b"\n")[0]
        if rest.strip(SPACE + b",]") and not rest.startswith(BARE):
            self._chain.find(at(place, "foreign", "bytes after the record that belong to none"))

    def _keep(self, text: bytes) -> None:
        if len(text) > _KEPT:
            text = text[-_KEPT:].partition(b"\n")[2] if text.endswith(b"\n") else text[-_OVERLAP:]
        self._kept = text

    def _torn_tail(self) -> None:
        """A half line too short to say which it was: it followed the last one."""
        if self._live():
            return
        stream, seq = identity(self._last)
        detail = "the line breaks off"
        after = None if seq is None else seq + 1
        self._chain.take(Claim("torn", stream, after, detail), Place(self._path, self._number))
