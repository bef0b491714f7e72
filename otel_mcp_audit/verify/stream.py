"""One stream, put together again from its records: in any order, with duplicates, from any number of copies."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import UNSET

from otel_mcp_audit.seal import GENESIS
from otel_mcp_audit.verify.finding import Finding, Kind
from otel_mcp_audit.verify.hashes import Hashes

_GENESIS = bytes.fromhex(GENESIS)


class Pin(NamedTuple):
    """What another record says of this stream: the record ``seq`` has ``hash`` (raw)."""

    seq: int
    hash: bytes


class Cut(NamedTuple):
    """A declared removal of ``first`` to ``last``, whose last record had ``hash`` (raw)."""

    first: int
    last: int
    hash: bytes


class Stream:
    """The state of one stream while records arrive; memory is about 40 bytes a record."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.hashes = Hashes()
        self.stops: set[int] = set()
        self.pins: set[Pin] = set()
        self.cuts: set[Cut] = set()
        self.claimed: set[int] = set()
        self.tenant_records = 0
        self.other_records = 0
        # A link can only be judged when both ends are there.
        self._waiting: dict[int, bytes] = {}
        self._suspects: dict[int, bytes] = {}
        self._forks: dict[int, dict[bytes, bytes]] = {}

    def add(self, seq: int, prev: bytes, digest: bytes) -> bool:
        """Take one sound record; answers whether it is new."""
        known = self.hashes.get(seq)
        if known is not None:
            return known != digest and self._fork(seq, prev, digest)
        self.hashes.put(seq, digest)
        before = self.hashes.get(seq - 1) if seq > 1 else _GENESIS
        if before is None:
            self._waiting[seq] = prev
        elif before != prev:
            self._suspects[seq] = prev
        if self._waiting:
            self._settle(seq + 1, digest)
        return True

    def holds(self, seq: int, digest: bytes) -> bool:
        """Whether this very record is here."""
        return self.hashes.get(seq) == digest or digest in self._forks.get(seq, ())

    @property
    def pinned_top(self) -> int:
        """The last number that is here or that a head names."""
        return max(self.hashes.top, max((pin.seq for pin in self.pins), default=0))

    @property
    def open_ended(self) -> bool:
        """Whether the last record is no ``audit_stop``."""
        return self.hashes.top not in self.stops

    def unsound(self) -> Iterator[Finding]:
        """Broken links, forks and heads that differ; gaps are ``missing``."""
        yield from (self._finding("duplicate_seq", seq, "two different records") for seq in sorted(self._forks))
        yield from (self._finding("link_broken", seq, detail) for seq, detail in sorted(self._broken().items()))
        for pin in sorted(self.pins):
            if self.hashes.get(pin.seq) is not None and not self.holds(*pin):
                yield self._finding("head_mismatch", pin.seq, "another record names another hash for it")

    def missing(self) -> Iterator[tuple[int, int]]:
        """Ranges of numbers that should be here: neither present, nor present and unsound, nor declared as cut."""
        covered = sorted([*((seq, seq) for seq in self.claimed), *((cut.first, cut.last) for cut in self.cuts)])
        return _subtract(self.hashes.gaps(self.pinned_top), covered)

    def pruned(self) -> int:
        """How many records are absent by declaration."""
        top = max([self.pinned_top, *(cut.last for cut in self.cuts)])
        absent = list(_subtract(self.hashes.gaps(top), sorted((seq, seq) for seq in self.claimed)))
        undeclared = _subtract(iter(absent), sorted((cut.first, cut.last) for cut in self.cuts))
        return _length(absent) - _length(undeclared)

    def _fork(self, seq: int, prev: bytes, digest: bytes) -> bool:
        others = self._forks.setdefault(seq, {})
        new = digest not in others
        others[digest] = prev
        return new

    def _settle(self, seq: int, digest: bytes) -> None:
        prev = self._waiting.pop(seq, None)
        if prev is not None and prev != digest:
            self._suspects[seq] = prev

    def _broken(self) -> dict[int, str]:
        """Every record whose predecessor is here with another hash, whichever copy came first."""
        links = [*self._suspects.items(), *((seq, prev) for seq, fork in self._forks.items() for prev in fork.values())]
        broken = {seq: "it does not follow the record before it" for seq, prev in links if not self._follows(seq, prev)}
        for cut in self.cuts:
            if self._waiting.get(cut.last + 1, cut.hash) != cut.hash:
                broken[cut.last + 1] = "it does not follow the last record of the declared cut"
        return broken

    def _follows(self, seq: int, prev: bytes) -> bool:
        if seq == 1:
            return prev == _GENESIS
        return self.hashes.get(seq - 1) is None or self.holds(seq - 1, prev)

    def _finding(self, kind: Kind, seq: int, detail: str) -> Finding:
        return Finding(kind=kind, stream=self.name, seq=seq, detail=detail)


def missing_finding(stream: str, first: int, last: int) -> Finding:
    """The finding for a range of numbers that are not there."""
    several = last if last > first else UNSET
    return Finding(kind="missing_seq", stream=stream, seq=first, last_seq=several, count=last - first + 1)


def _subtract(ranges: Iterator[tuple[int, int]], covered: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What of ``ranges`` no range of ``covered`` (sorted) holds."""
    holes = list(covered)
    at = 0
    for first, last in ranges:
        start = first
        while at < len(holes) and holes[at][1] < start:
            at += 1
        look = at
        while look < len(holes) and holes[look][0] <= last and start <= last:
            if holes[look][0] > start:
                yield start, holes[look][0] - 1
            start = max(start, holes[look][1] + 1)
            look += 1
        if start <= last:
            yield start, last


def _length(ranges: Iterable[tuple[int, int]]) -> int:
    return sum(last - first + 1 for first, last in ranges)
