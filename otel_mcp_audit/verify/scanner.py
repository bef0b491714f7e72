"""One file, piece by piece: finds the records, and judges what is left over."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from otel_mcp_audit.verify.buffer import Buffer, LineNumbers, Passage
from otel_mcp_audit.verify.chain import Chain
from otel_mcp_audit.verify.finding import Place
from otel_mcp_audit.verify.intake import Intake, Sighting
from otel_mcp_audit.verify.leftover import SPACE, STRUCTURE, Leftover
from otel_mcp_audit.verify.quoting import depth_change
from otel_mcp_audit.verify.text import BARE, EARLIER, KEY, RECORD_LIMIT, Found, find

_ARCHIVED: Final = b'{"resourceLogs":'
"""Begins every request in a Collector's archive. It cannot stand inside a JSON string: what precedes it has ended."""

_BEFORE_ARCHIVED: Final = re.compile(b"(?=" + re.escape(_ARCHIVED) + b")")
_MESSAGE: Final = re.compile(rb"[\x80-\xff]{1,4}[\x00-\x7f]?\n")
"""After a first line end: the length of a protobuf message, whose first field that byte announces. No text does."""
_KEPT: Final = 256 * 1024
"""Bytes before a key ``chain`` in which the object around it may have begun."""
_OVERLAP: Final = 64
"""Bytes of the piece before in which a key may have begun that was cut in two."""
_BESIDE: Final = 64
"""Bytes after a record that tell how it stands."""
_BOM: Final = b"\xef\xbb\xbf"


class Scanner:
    """Reads the content of one file into a chain.

    Args:
        chain: takes the records.
        path: the file's name in findings.
        segment: the file is a journal segment: it holds lines exactly as written and nothing else.
        live: whether a running writer appends to the file: a half line at its end is then still being written.

    Attributes:
        blank: there was nothing at all.
    """

    def __init__(
        self, chain: Chain, path: str, *, segment: bool = False, live: Callable[[], bool] = lambda: False
    ) -> None:
        self.blank = True
        self._chain = chain
        self._path = path
        self._intake = Intake(chain, segment=segment, live=live)
        self._leftover = Leftover(segment=segment)
        self._offset = 0  # of the piece at hand
        self._number = 0  # of its line
        self._tail: bytes | None = None  # a line whose end has not come yet: its last piece
        self._hit = False  # the line at hand held a record, or a part of one
        self._kept = Buffer()  # what was searched; the object around a later key may have begun in it
        self._open = Buffer()  # a record whose end has not come yet
        self._open_line = 0
        self._open_nested = False
        self._depth = 0

    @property
    def found(self) -> int:
        """How many journal lines there were, sound or not."""
        return self._intake.count

    def feed(self, piece: bytes) -> None:
        """Take the next line with its line end, or the next piece of a line too long to be taken whole."""
        if self._tail is None:
            self._number += 1
            self._hit = False
            if self._offset == 0:
                piece = piece.removeprefix(_BOM)
        if self._offset == 1 and _MESSAGE.match(piece):  # as Kafka's console consumer writes them: lines mean nothing
            self._leftover.inside()
        if self._tail is not None or not piece.startswith(BARE) or not self._written(piece):
            self._search_piece(piece)
        self._offset += len(piece)

    def finish(self) -> None:
        """The file has ended."""
        if self._tail is not None and not self._hit:
            if self._intake.count and BARE.startswith(self._tail):
                self._intake.torn(None, None, Place(self._path, self._number), ended=True)
            else:
                self._leftover.line(self._number, self._tail)
        self._close(ended=True)
        self._intake.settle()
        for finding in self._leftover.findings(self._path) if self._intake.count else ():
            self._chain.find(finding)

    def _written(self, line: bytes) -> bool:
        """The line as we wrote it: by far the most frequent case."""
        if self._open:
            self._close()
        if not self._intake.written(line.rstrip(SPACE)):
            return False
        self.blank = False
        self._kept.clear()
        self._leftover.record(self._number, b"", b"")
        return True

    def _search_piece(self, piece: bytes) -> None:
        begins = self._tail is None
        self.blank = self.blank and not piece.strip(STRUCTURE)
        self._tail = None if piece.endswith(b"\n") else piece
        if self._open:
            self._go_on(piece)
        else:
            self._look(piece)
        if self._tail is None and not self._hit:
            self._leftover.line(self._number, piece, whole=begins)
        if begins and piece.startswith(b"{") and piece.rstrip(SPACE).endswith(b"}"):  # a whole document
            self._intake.settle()
            self._kept.clear()

    def _look(self, piece: bytes) -> None:
        """Search a line, or a piece of one."""
        if KEY not in piece and _ARCHIVED not in piece and self._tail is None:
            self._kept.add(piece, _KEPT)
            return
        at = self._offset
        parts = [part for part in _BEFORE_ARCHIVED.split(piece) if part]
        for part in parts:
            if part.startswith(_ARCHIVED):
                self._kept.clear()
                self._look_at_request(part, at, over=part is not parts[-1] or self._tail is None)
            else:
                self._look_at_part(part, at)
            at += len(part)

    def _look_at_part(self, part: bytes, at: int) -> None:
        """Search a part of a line; where a record in it began before, together with what was kept."""
        passage = Passage(part, at, self._number)
        records = list(find(part, final=False))
        in_line = bool(self._kept) and not self._kept.ends_line
        if in_line or (self._kept and any(found.start == EARLIER for found in records)):
            before = self._kept.take()
            begin = max(0, len(before) - _OVERLAP) if in_line else len(before)
            passage = Passage(before + part, at - len(before), self._number - before.count(b"\n"))
            records = list(find(passage.text, begin, final=False))
            if not any(found.end is None or not found.wrapped for found in records if found.start != EARLIER):
                # No object was open at that key, so none of what was kept can be around a later one.
                records = list(find(part, final=False))
                passage = Passage(part, at, self._number)
        self._take_all(passage, records)

    def _look_at_request(self, part: bytes, at: int, *, over: bool) -> None:
        torn = self._take_all(Passage(part, at, self._number), find(part, final=over))
        if over:
            self._intake.settle()
            if not torn and not part.rstrip(SPACE).endswith(b"}"):
                self._intake.torn_request(Place(self._path, self._number))

    def _go_on(self, piece: bytes) -> None:
        """Add to the record that is open; look again when it can have ended."""
        self._hit = True
        in_line = not self._open.ends_line
        self._open.add(piece)
        self._depth += depth_change(piece)
        if in_line or self._depth <= 0 or self._open.size > RECORD_LIMIT:
            text = self._open.take()
            passage = Passage(text, self._offset + len(piece) - len(text), self._open_line)
            self._take_all(passage, find(text, final=False, nested=self._open_nested))

    def _close(self, *, ended: bool = False) -> None:
        """No more of the open record comes."""
        if self._open:
            text = self._open.take()
            passage = Passage(text, self._offset - len(text), self._open_line)
            self._take_all(passage, find(text, nested=self._open_nested), ended=ended)

    def _take_all(self, passage: Passage, records: Iterable[Found], *, ended: bool = False) -> bool:
        """Take the records found in a passage, with which the file has ``ended``; answers whether one was torn."""
        torn, done, bare_end = False, 0, 0
        numbers = LineNumbers(passage.text, passage.line)
        for found in records:
            if found.start == EARLIER:
                continue
            self._hit = True
            number = numbers.of(found.start)
            if found.end is None or found.reading is None:
                self._keep_open(passage.text[found.start :], number, nested=found.nested)
                return torn
            torn |= self._take(passage, found, Place(self._path, number), ended=ended)
            self._note(passage.text, found, done, number)
            done = found.end
            bare_end = bare_end if found.wrapped else found.end
        self._kept.add(passage.text[bare_end:], _KEPT)
        return torn

    def _keep_open(self, text: bytes, number: int, *, nested: bool) -> None:
        self._open.add(text)
        self._open_nested = nested
        self._open_line = number
        self._depth = depth_change(text)

    def _take(self, passage: Passage, found: Found, place: Place, *, ended: bool) -> bool:
        """Hand a record on; answers whether it was torn."""
        reading = found.reading
        if reading is None:
            return False
        spelling = b"" if found.wrapped else passage.text[found.start : found.end]
        sighting = Sighting(passage.offset + found.start, spelling, reading, found.wrapped, place)
        self._intake.take(sighting, ended=ended)
        return sighting.torn

    def _note(self, text: bytes, found: Found, done: int, number: int) -> None:
        """Note how a record stands in the file; what stands before it counts from the end of the one before."""
        if found.end is None or found.wrapped or b"\n" in text[found.start : found.end]:
            self._leftover.inside()
            return
        line_start = text.rfind(b"\n", done, found.start) + 1
        after = text[found.end : found.end + _BESIDE].partition(b"\n")[0]
        if after.startswith(BARE):
            after = b""
        self._leftover.record(number, text[max(done, line_start) : found.start], after)
