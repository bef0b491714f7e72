"""What verification found: each kind in the words of the command line's contract."""

from typing import Final, Literal, NamedTuple

from msgspec import UNSET, Struct, UnsetType

Kind = Literal[
    "altered",
    "link_broken",
    "missing_seq",
    "duplicate_seq",
    "torn",
    "unhashed",
    "foreign",
    "unknown_version",
    "missing_stream",
    "head_mismatch",
    "unreadable",
]

NOT_VERIFIABLE: Final = frozenset[Kind]({"unhashed", "foreign", "unknown_version", "unreadable"})
"""Kinds that say "this could not be checked"; all others say "this was checked and is not sound"."""


class Place(NamedTuple):
    """Where something was read. ``line`` counts from 1; 0 means the file as a whole."""

    path: str
    line: int = 0


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be.

    Attributes:
        kind: what it is.
        stream: the stream concerned, as the line itself claims it; None where unknown.
        seq: the sequence number concerned, or the first of a range; None where unknown.
        last_seq: the last of a range.
        count: how many (sequence numbers, lines) this finding stands for.
        path: the file.
        line: its line, counted from 1.
        detail: the rest, in plain words. May quote the input: escape it before it reaches a terminal.
    """

    kind: Kind
    stream: str | None = None
    seq: int | None = None
    last_seq: int | UnsetType = UNSET
    count: int | UnsetType = UNSET
    path: str | UnsetType = UNSET
    line: int | UnsetType = UNSET
    detail: str | UnsetType = UNSET


def at(place: Place, kind: Kind, detail: str, *, stream: str | None = None, seq: int | None = None) -> Finding:
    """A finding about one place in a file."""
    line = place.line or UNSET
    return Finding(kind=kind, stream=stream, seq=seq, path=place.path, line=line, detail=detail)
