"""What encloses a place in a text, and what a quoted text says: JSON strings and CSV cells, the rest unparsed."""

import re
from typing import Final, NamedTuple

import msgspec

DEPTH_LIMIT: Final = 8
"""Objects in objects that a record may have; ours has four. Keeps the work on hostile nesting linear."""

# A string that does not end on its line takes the rest of the line with it: no quote is looked at twice.
_TOKEN: Final = re.compile(rb'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+("?+)|[{}]')
_CELL: Final = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"')
_STRING_REST: Final = re.compile(rb'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+')
_LINE_REST: Final = re.compile(rb'[^"\\\n]*+(?:\\[^n\n][^"\\\n]*+)*+')
_CELL_REST: Final = re.compile(rb'[^"\n]*+(?:""[^"\n]*+)*+')
_ESCAPE: Final = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|(.))")
_PLAIN: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_QUOTE, _OPEN, _CLOSE = b'"{}'


class Outline:
    """Which object, string or cell encloses an offset. Asked with rising offsets it reads the text once.

    Args:
        text: begins outside of any string.
        nested: it begins inside of an object.

    Attributes:
        refused: starts of objects that were read and are not ours.
    """

    def __init__(self, text: bytes, *, nested: bool = False) -> None:
        self._text = text
        self._around = int(nested)
        self._tokens = _TOKEN.finditer(text)
        self._cells = _CELL.finditer(text)
        self._token: re.Match[bytes] | None = None
        self._cell: re.Match[bytes] | None = None
        self._objects: list[int] = []
        self.refused: set[int] = set()

    def object(self, offset: int) -> int | None:
        """Start of the innermost object around ``offset``."""
        self._advance(offset)
        return self._objects[-1] if self._objects else None

    def nested(self, offset: int) -> bool:
        """Whether the innermost object around ``offset`` stands in another one."""
        self._advance(offset)
        return len(self._objects) + self._around > 1

    def string(self, offset: int) -> int | None:
        """Start of the content of the JSON string around ``offset``."""
        self._advance(offset)
        return self._token.start() + 1 if self._token and self._token.start() < offset < self._token.end() else None

    def cell(self, offset: int) -> int | None:
        """Start of the content of the CSV cell around ``offset``."""
        while self._cell is None or self._cell.end() <= offset:
            self._cell = next(self._cells, None)
            if self._cell is None:
                return None
        return self._cell.start() + 1 if self._cell.start() < offset else None

    def _advance(self, offset: int) -> None:
        while self._token is None or self._token.end() <= offset:
            self._token = next(self._tokens, None)
            if self._token is None:
                return
            mark = self._text[self._token.start()]
            if mark == _OPEN:
                self._objects.append(self._token.start())
            elif mark == _CLOSE and self._objects:
                self._objects.pop()


class Extent(NamedTuple):
    """How far an object goes: to ``end``, where it is ``closed``, or too ``deep`` to be a record, or the text ends."""

    end: int
    closed: bool = False
    deep: bool = False


def extent(text: bytes, start: int, limit: int) -> Extent:
    """The extent of the object that opens at ``start``, as far as ``limit``."""
    depth = 0
    for token in _TOKEN.finditer(text, start, limit):
        mark = text[token.start()]
        if mark == _OPEN:
            depth += 1
            if depth > DEPTH_LIMIT:
                return Extent(token.end(), deep=True)
        elif mark == _CLOSE:
            depth -= 1
            if depth == 0:
                return Extent(token.end(), closed=True)
    return Extent(limit)


def depth_change(line: bytes) -> int:
    """How many more objects are open after a line than before it."""
    marks = [line[token.start()] for token in _TOKEN.finditer(line)]
    return marks.count(_OPEN) - marks.count(_CLOSE)


def breaks_in_string(line: bytes) -> bool:
    """Whether a line ends inside a string, which JSON does not allow."""
    return any(token[1] == b"" for token in _TOKEN.finditer(line))


def string_end(text: bytes, start: int, limit: int) -> int:
    """Offset of the quote that closes the JSON string whose content begins at ``start``, of the line end, or limit."""
    return _end(_STRING_REST, text, start, limit)


def line_end_in_string(text: bytes, start: int, limit: int) -> int:
    r"""The same, or of the first ``\n`` in the string."""
    return _end(_LINE_REST, text, start, limit)


def cell_end(text: bytes, start: int, limit: int) -> int:
    """Like ``string_end``, for a CSV cell."""
    return _end(_CELL_REST, text, start, limit)


def _end(rest: re.Pattern[bytes], text: bytes, start: int, limit: int) -> int:
    match = rest.match(text, start, limit)
    return match.end() if match else start


def unescape(content: bytes) -> bytes:
    """What the content of a JSON string says; of a torn or crooked one, as much as can be told."""
    try:
        return msgspec.json.decode(b'"%b"' % content, type=str).encode()
    except (msgspec.DecodeError, UnicodeError):
        return _ESCAPE.sub(_unescaped, content)


def undouble(content: bytes) -> bytes:
    """What the content of a CSV cell says."""
    return content.replace(b'""', b'"')


def _unescaped(escape: re.Match[bytes]) -> bytes:
    if escape[1]:
        return chr(int(escape[1], 16)).encode("utf-8", "surrogatepass")
    return _PLAIN.get(escape[2], escape[2])
