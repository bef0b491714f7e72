"""What was found in one file, on its way to the chain."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from otel_mcp_audit.verify.chain import Chain
from otel_mcp_audit.verify.finding import Place
from otel_mcp_audit.verify.line import Claim, Sealed, as_written, identity
from otel_mcp_audit.verify.text import RECORD_LIMIT


class Sighting(NamedTuple):
    """A record in a file.

    Attributes:
        offset: where in the file it begins; inside a string, where that does.
        spelling: its bytes as they stand; none inside a string.
        reading: what it is.
        wrapped: whether it stood inside a string.
        place: its line.
    """

    offset: int
    spelling: bytes
    reading: Sealed | Claim
    wrapped: bool
    place: Place

    @property
    def torn(self) -> bool:
        """Whether it breaks off."""
        return isinstance(self.reading, Claim) and self.reading.kind == "torn"


class Intake:
    """Hands the records of one file to the chain.

    A record inside a string waits until it is certain that the string is no part of another record: a client may have
    sent a whole forged line as an argument, and a copy with other key order shows only later whose argument it is.

    Args:
        chain: takes the records.
        segment: the file is a journal segment: it holds lines exactly as written.
        live: whether a running writer appends to the file: a half line at its end is then still being written.

    Attributes:
        count: how many journal lines there were, sound or not.
    """

    def __init__(self, chain: Chain, *, segment: bool, live: Callable[[], bool]) -> None:
        self.count = 0
        self._chain = chain
        self._segment = segment
        self._live = live
        self._waiting: deque[Sighting] = deque()
        self._last = b""

    def written(self, line: bytes) -> bool:
        """Take a line if it stands as written and its seal holds."""
        if not self._chain.written(line):
            return False
        self.count += 1
        self._last = line
        return True

    def take(self, sighting: Sighting, *, ended: bool = False) -> None:
        """Take a record that was seen, with which the file has ``ended``."""
        if sighting.wrapped:
            self._waiting.append(sighting)
            self.settle(sighting.offset - RECORD_LIMIT)
            return
        while self._waiting and self._waiting[-1].offset >= sighting.offset:
            self._waiting.pop()
        if sighting.torn:
            self.torn(sighting.reading.stream, sighting.reading.seq, sighting.place, ended=ended)
        else:
            self._hand(sighting)

    def settle(self, before: int | None = None) -> None:
        """What was seen before this offset (None: at all) is no part of a record that may still come."""
        while self._waiting and (before is None or self._waiting[0].offset < before):
            self._hand(self._waiting.popleft())

    def torn(self, stream: str | None, seq: int | None, place: Place, *, ended: bool) -> None:
        """A line breaks off. At the end of the file it followed the last one, however little of it is left."""
        self.count += 1
        if ended and self._live():
            return
        if ended and seq is None:
            stream, last = identity(self._last)
            seq = None if last is None else last + 1
        self._chain.take(Claim("torn", stream, seq, "the line breaks off"), place)

    def torn_request(self, place: Place) -> None:
        """A Collector's request breaks off where no record shows."""
        self._chain.torn_copy(None, None, place)

    def _hand(self, sighting: Sighting) -> None:
        self.count += 1
        reading = sighting.reading
        if isinstance(reading, Sealed):
            self._last = sighting.spelling
            if self._segment and as_written(sighting.spelling) is None:
                reading = Claim("altered", reading.stream, reading.seq, "the same document, but not as it was written")
        elif sighting.torn:
            self._chain.torn_copy(reading.stream, reading.seq, sighting.place)
            return
        self._chain.take(reading, sighting.place)
