"""Find journal lines in text, wherever they stand: bare, as one object among others, inside strings of any form.

The search is for the key ``chain`` at any depth of quoting, never for a vendor's form: what stands around a line is not
parsed, so it may be torn, glued to the next one, longer than memory or nested without end.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from otel_mcp_audit.line import LINE_LIMIT
from otel_mcp_audit.verify.line import Claim, Sealed, as_written, identity, read
from otel_mcp_audit.verify.quoting import (
    Outline,
    breaks_in_string,
    cell_end,
    extent,
    line_end_in_string,
    string_end,
    undouble,
    unescape,
)

RECORD_LIMIT: Final = 1024 * 1024
"""Bytes of a record in any spelling: a line is at most 16 KiB, and quoting it three times over makes that 128 KiB."""

BARE: Final = b'{"chain":{"prev":"'
"""How a line begins as written."""

SPACE: Final = b" \t\r\n"

KEY: Final = b"chain"
# The key is followed by one of its own keys, or the text ends before that can be seen.
_AFTER_KEY: Final = re.compile(rb'(\\*"{1,2})\s*:\s*\{(?:\s|\\+[nrt])*(?:\1(?:prev|seq|stream|v)\1|\Z)')
_NEXT: Final = re.compile(rb'\{\s*"chain"\s*:\s*\{\s*"(?:prev|seq|stream|v)"')
"""With quotes bare this cannot stand inside a JSON string, so it always begins a record."""
_LAYERS: Final = 4
"""Strings in strings: a line in an OTLP body in an HEC event in an export."""


_CHAIN_LENGTH: Final = 1024
"""Bytes in which a chain object shows its stream and number, however it is spelled."""

EARLIER: Final = -1


class Found(NamedTuple):
    """A record in a text.

    Attributes:
        start: offset of its first byte; ``EARLIER`` if it began before the text.
        end: offset after it; None if it goes on after the text.
        reading: what it is; None while it has no end, or where it turned out not to be ours.
        wrapped: whether it stood inside a string.
        nested: whether it stood in another object; told where it goes on after the text.
    """

    start: int
    end: int | None
    reading: Sealed | Claim | None
    wrapped: bool
    nested: bool = False


def find(text: bytes, begin: int = 0, *, final: bool = True, nested: bool = False) -> Iterator[Found]:
    """Every journal line in ``text``.

    Args:
        text: one or more whole lines, or a piece of a very long one.
        begin: what stands before this offset was searched already.
        final: no more text follows: what has no end is torn.
        nested: the text begins inside of an object.
    """
    return _find(text, begin, Outline(text, nested=nested), final=final, layers=_LAYERS)


def _find(text: bytes, begin: int, outline: Outline, *, final: bool, layers: int) -> Iterator[Found]:
    while (key := text.find(KEY, begin)) >= 0:
        begin = key + len(KEY)
        after = _AFTER_KEY.match(text, begin)
        if after is None or not text.endswith(after[1], 0, key):
            continue
        quoted = after[1] != b'"'
        if quoted and not layers:
            continue
        here = _Here(text, outline, key, final)
        for found in _quoted(here, after[1], layers) if quoted else _bare(here):
            if found.reading is not None or found.end is None or found.start == EARLIER:
                yield found
            if found.end is None:
                return
            begin = max(begin, found.end)


class _Here(NamedTuple):
    """A key ``chain`` in a text."""

    text: bytes
    outline: Outline
    key: int
    final: bool


def _bare(here: _Here) -> Iterator[Found]:
    """The record whose quotes are bare."""
    text, outline, key, final = here
    start = _first_key(text, key - 1)
    if start is None:
        start = outline.object(key)
        if start is None:
            yield Found(EARLIER, key, None, wrapped=False)
            return
    if start in outline.refused or key - start > RECORD_LIMIT:
        return
    line = text[start : _line_end(text, start)].rstrip(b",]" + SPACE)
    written = as_written(line) if len(line) < LINE_LIMIT else None
    if written is not None:
        yield Found(start, start + len(line), written, wrapped=False)
        return
    end, closed, deep = extent(text, start, min(len(text), start + RECORD_LIMIT))
    # Where a second record begins, the first one has ended, or is torn.
    glued = _NEXT.search(text, start + 1, end)
    if glued is None and closed:
        yield from _read(outline, text, slice(start, end), key)
    elif glued is None and not deep and end == len(text) and not final and not _broken(text, start):
        yield Found(start, None, None, wrapped=False, nested=outline.nested(key))
    else:
        yield from _torn(outline, text, start, slice(key, glued.start() if glued else end))


def _read(outline: Outline, text: bytes, whole: slice, key: int) -> Iterator[Found]:
    start, end = whole.start, whole.stop
    reading = read(text[start:end], merged=outline.nested(key))
    if reading is None:
        outline.refused.add(start)
        return
    if isinstance(reading, Claim) and text.startswith(BARE, start):
        # Damage may have moved its end. A client's words in the rest of the line must not be taken for records.
        end = max(end, _end(text, end, len(text)))
    yield Found(start, end, reading, wrapped=False)


def _torn(outline: Outline, text: bytes, start: int, rest: slice) -> Iterator[Found]:
    """A record that breaks off in the ``rest`` of it, which begins at its key."""
    key: int = rest.start
    stream, seq = identity(text[rest][:_CHAIN_LENGTH].partition(b"\n")[0])
    if stream is None and seq is None and not _begins_as_written(text, start):
        outline.refused.add(start)
        return
    end = _end(text, key, min(len(text), key + RECORD_LIMIT))
    yield Found(start, end, Claim("torn", stream, seq, "the line breaks off"), wrapped=False)


def _begins_as_written(text: bytes, start: int) -> bool:
    """Whether what is there of a record begins as ours do, however little that is."""
    beginning = text[start : start + len(BARE)]
    return beginning == BARE or (start + len(beginning) == len(text) and BARE.startswith(beginning))


def _end(text: bytes, begin: int, limit: int) -> int:
    """Offset of the line end after ``begin``, or of where the next record begins."""
    end = text.find(b"\n", begin, limit)
    end = limit if end < 0 else end
    glued = _NEXT.search(text, begin, end)
    return glued.start() if glued else end


def _quoted(here: _Here, quote: bytes, layers: int) -> Iterator[Found]:
    """The records inside a JSON string, or in a CSV cell where quotes are doubled."""
    text, outline, key, final = here
    cell = quote.endswith(b'""')
    start = _first_key(text, key - len(quote))
    # A string in a string is read from the outside: the inner one may be a client's words in somebody's record.
    if start is None or quote not in (b'\\"', b'""'):
        around = outline.cell(key) if cell else outline.string(key)
        start = start if around is None else around
    if start is None:
        return
    if key - start > RECORD_LIMIT:
        return
    limit = min(len(text), start + RECORD_LIMIT)
    line_end = start if cell else line_end_in_string(text, start, limit)
    if text.startswith(b"\\n", line_end):  # one of several lines in one string, perhaps a long one
        written = as_written(unescape(text[start:line_end]))
        if written is not None:
            yield Found(start, line_end, written, wrapped=True)
            return
    end = cell_end(text, start, limit) if cell else string_end(text, start, limit)
    # An escape, or a doubled quote, may be cut in two.
    if not final and text[end : end + 2] in (b"", b"\\", b'"') and end + 1 >= len(text) and end - start < RECORD_LIMIT:
        yield Found(start, None, None, wrapped=True)
        return
    inside = undouble(text[start:end]) if cell else unescape(text[start:end])
    for reading in _outermost(_find(inside, 0, Outline(inside), final=True, layers=layers - 1)):
        yield Found(start, end, reading, wrapped=True)
    # Nothing in it is ours, or all of it was read: either way it need not be looked at again.
    yield Found(start, end, None, wrapped=True)


def _outermost(found: Iterator[Found]) -> Iterator[Sealed | Claim]:
    """What is no part of a record that was found later."""
    records: list[Found] = []
    for record in found:
        if record.start == EARLIER:
            continue
        while not record.wrapped and records and records[-1].start >= record.start:
            records.pop()
        records.append(record)
    return (record.reading for record in records if record.reading is not None)


def _first_key(text: bytes, quote: int) -> int | None:
    """Offset of the brace right before the key whose quote stands at ``quote``."""
    at = quote - 1
    while at >= 0 and text[at] in SPACE:
        at -= 1
    return at if at >= 0 and text[at : at + 1] == b"{" else None


def _line_end(text: bytes, start: int) -> int:
    """Offset of the next line end, or of where a line of ours would have ended."""
    end = text.find(b"\n", start, start + LINE_LIMIT)
    return min(len(text), start + LINE_LIMIT) if end < 0 else end


def _broken(text: bytes, start: int) -> bool:
    """Whether a string runs over a line end: JSON has none, so the record has no end either."""
    last = text.rfind(b"\n", start)
    return last >= 0 and breaks_in_string(text[start : last + 1])
