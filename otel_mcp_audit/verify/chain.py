"""The chain over everything that was read: feed it lines in any order, then ask for the findings.

Three things are told apart: a line that does not match its own hash (``altered``), a line that does not follow the one
before it (``link_broken``), and a line that is not there (``missing_seq``).
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from msgspec import UNSET

from otel_mcp_audit.line import Trail
from otel_mcp_audit.verify.finding import Finding, Kind, Place, at
from otel_mcp_audit.verify.line import Claim, Sealed, as_written, glance, tenant_of
from otel_mcp_audit.verify.report import Report
from otel_mcp_audit.verify.stream import Cut, Pin, Stream, missing_finding

LISTED: Final = 10_000
"""Findings listed of one kind; further ones are counted in a note."""

_ABOUT_THE_TRAIL: Final = b'"event_type":"audit_'


class Torn(tuple[str | None, int | None, Place]):
    """A torn piece of a wrapped copy: stream, seq, place. Whether it matters is known at the end."""

    __slots__ = ()


class Chain:
    """All streams of one verification.

    Args:
        tenant: count and judge only this tenant's records.
        each: given every sound record that counts, once.

    Attributes:
        living: names of streams that a running writer still appends to: no end is expected of them.
        in_journal: set while a journal folder is read as a whole. Only then must every stream that a header names
            be there: a copy elsewhere may rightly begin later or hold one server's streams only.
    """

    def __init__(self, tenant: str | None = None, each: Callable[[Sealed], None] | None = None) -> None:
        self._tenant = tenant
        self._each = each
        self._streams: dict[str, Stream] = {}
        self._findings: list[Finding] = []
        self._counts: Counter[Kind] = Counter()
        self._torn: list[Torn] = []
        self._expected: set[str] = set()
        self._looked_at = 0
        self._notes: list[str] = []
        self._noted = 0
        self.living: set[str] = set()
        self.in_journal = False

    def written(self, line: bytes) -> bool:
        """Take a line if it stands as we wrote it (without its line end) and its seal holds."""
        sealed = as_written(line)
        if sealed is None:
            return False
        self._sealed(sealed)
        return True

    def take(self, reading: Sealed | Claim, place: Place) -> None:
        """Take a line that was read from ``place``, sound or not."""
        if isinstance(reading, Sealed):
            self._sealed(reading)
            return
        if reading.stream is not None and reading.seq is not None:
            self._stream(reading.stream).claimed.add(reading.seq)
        self.find(at(place, reading.kind, reading.detail, stream=reading.stream, seq=reading.seq))

    def find(self, finding: Finding) -> None:
        """Add a finding about the input itself."""
        self._counts[finding.kind] += 1
        if self._counts[finding.kind] <= LISTED:
            self._findings.append(finding)

    def note(self, text: str) -> None:
        """Add something worth knowing that is not wrong."""
        self._noted += 1
        if self._noted <= LISTED:
            self._notes.append(text)

    def torn_copy(self, stream: str | None, seq: int | None, place: Place) -> None:
        """A torn piece in a wrapped copy, such as a Collector's archive: harmless if its record stands elsewhere."""
        self._torn.append(Torn((stream, seq, place)))

    def open_ended(self, stream: str) -> bool:
        """Whether a stream was read and its last record is no ``audit_stop``."""
        return stream in self._streams and self._streams[stream].open_ended

    def holds(self, sealed: Sealed) -> bool | None:
        """Whether this very record was taken; None if no sound record of its place was."""
        stream = self._streams.get(sealed.stream)
        if stream is None or stream.hashes.get(sealed.seq) is None:
            return None
        return stream.holds(sealed.seq, bytes.fromhex(sealed.hash))

    def report(self) -> Report:
        """Judge everything taken so far."""
        for stream in self._streams.values():
            self._judge(stream)
        self._judge_ends()
        self._judge_torn()
        self._judge_absent()
        if self._tenant is not None and self._looked_at and not self._records():
            detail = f"none of the {self._looked_at} records is of tenant {self._tenant!r}"
            self.find(Finding(kind="foreign", detail=detail))
        self._notes += [f"{n - LISTED} more findings: {kind}" for kind, n in self._counts.items() if n > LISTED]
        self._notes += [f"{self._noted - LISTED} more notes"] if self._noted > LISTED else []
        return Report(
            records=self._records(),
            streams=sum(map(self._counted, self._streams.values())),
            pruned=sum(stream.pruned() for stream in self._streams.values() if stream.cuts),
            findings=self._findings,
            notes=self._notes,
        )

    def _sealed(self, sealed: Sealed) -> None:
        stream = self._stream(sealed.stream)
        if not stream.add(sealed.seq, bytes.fromhex(sealed.prev), bytes.fromhex(sealed.hash)):
            return
        self._looked_at += 1
        if self._tenant is None or tenant_of(sealed) == self._tenant:
            stream.tenant_records += 1
            if self._each is not None:
                self._each(sealed)
        else:
            stream.other_records += 1
        if _ABOUT_THE_TRAIL in sealed.body:
            self._heed(stream, sealed)

    def _heed(self, stream: Stream, sealed: Sealed) -> None:
        """Believe what a sealed record says about the trail."""
        event = glance(sealed)
        if event is None:
            return
        if event.event_type == "audit_stop":
            stream.stops.add(sealed.seq)
        if event.trail is UNSET:
            return
        if event.event_type == "audit_start":
            self._pin(event.trail)
        elif event.event_type == "audit_prune":
            self._cut(event.trail)

    def _pin(self, trail: Trail) -> None:
        for head in trail.heads or ():
            digest = _raw(head.hash)
            if digest is None:
                continue
            self._stream(head.stream).pins.add(Pin(head.seq, digest))
            if self.in_journal:
                self._expected.add(head.stream)

    def _cut(self, trail: Trail) -> None:
        first, last, stream = trail.first_seq, trail.last_seq, trail.stream
        digest = _raw(trail.last_hash or "")
        if not stream or not first or not last or digest is None:
            return
        target = self._stream(stream)
        target.cuts.add(Cut(first, last, digest))
        target.pins.add(Pin(last, digest))

    def _judge(self, stream: Stream) -> None:
        if not self._counted(stream):
            return
        for finding in stream.unsound():
            self.find(finding)
        one_tenants_copy = self._tenant is not None and not stream.other_records
        for first, last in stream.missing():
            if one_tenants_copy:
                self.note(f"stream {stream.name}: {first}-{last} not here: other tenants' records, or missing ones")
            else:
                self.find(missing_finding(stream.name, first, last))

    def _judge_ends(self) -> None:
        ends = [
            stream
            for stream in self._streams.values()
            if self._counted(stream) and stream.open_ended and stream.name not in self.living
        ]
        if len(ends) == 1:
            self.note(f"stream {ends[0].name}: open-ended, no audit_stop after record {ends[0].hashes.top}")
        elif ends:
            self.note(f"{len(ends)} streams are open-ended: no audit_stop after their last records")

    def _judge_torn(self) -> None:
        for stream, seq, place in self._torn:
            known = self._streams.get(stream or "")
            stands = known is not None and seq is not None and known.hashes.get(seq) is not None
            nameless = None in (stream, seq) and self._records() and not self._counts["missing_seq"]
            where = f"{place.path}:{place.line}"
            if stands or nameless:
                self.note(f"{where}: a torn piece; its record stands elsewhere or was never acknowledged")
            else:
                self.find(at(place, "torn", "a torn piece; its record stands nowhere else", stream=stream, seq=seq))

    def _judge_absent(self) -> None:
        absent = [name for name, stream in self._streams.items() if stream.pins and not stream.hashes.count]
        for name in absent:
            stream = self._streams[name]
            if name in self._expected and any(True for _ in stream.missing()):
                head = max(stream.pins)
                self.find(Finding(kind="missing_stream", stream=name, seq=head.seq, detail="a later header names it"))
        elsewhere = len(set(absent) - self._expected)
        if elsewhere:
            self.note(_elsewhere(elsewhere))

    def _counted(self, stream: Stream) -> bool:
        return stream.tenant_records > 0

    def _records(self) -> int:
        return sum(stream.tenant_records for stream in self._streams.values())

    def _stream(self, name: str) -> Stream:
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = Stream(name)
        return stream


def _raw(digest: str) -> bytes | None:
    """The digest's bytes; one spelling only."""
    try:
        raw = bytes.fromhex(digest)
    except ValueError:
        return None
    return raw if len(raw) == 32 and raw.hex() == digest else None  # noqa: PLR2004 -- SHA-256


def _elsewhere(count: int) -> str:
    streams = "1 earlier stream is" if count == 1 else f"{count} earlier streams are"
    return f"{streams} named by headers and not in this input"
