"""A source, and how far one sink has taken it."""

import time
from collections.abc import Sequence

from msgspec import DecodeError

from otel_mcp_audit import clock, faults, tally
from otel_mcp_audit.delivery.hold import Hold
from otel_mcp_audit.delivery.item import Item
from otel_mcp_audit.delivery.limits import Limits
from otel_mcp_audit.delivery.source import Receipts, Source
from otel_mcp_audit.journal import Cursor, Position, Quarantine, load
from otel_mcp_audit.record import AuditRecord


class Track:
    """Moves the cursor over what is settled, and never over what is not.

    Args:
        source: the stream.

    Attributes:
        position: the place of the first record that is not settled.
        passed: bytes of lines that were settled in this process.
        delivered: records that were acknowledged in this process.
        unsaved: the cursor says more than its file, which was last written at ``saved_at``, monotonic seconds.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.passed = self.delivered = 0
        self._quarantine = source.quarantine_path and Quarantine(source.quarantine_path)
        self._window: dict[Position, Item] = {}
        self._cursor = Cursor() if source.cursor_path is None else _loaded(source)
        self._problem: str | None = None
        self.unsaved = False
        self.saved_at = 0.0
        self.position: Position = self._cursor.position

    @property
    def quarantined(self) -> int:
        """Records that were ever set aside."""
        return self._cursor.quarantined

    def read(self, limits: Limits) -> list[Item]:
        """The next records that are not settled.

        Raises:
            OSError: the journal cannot be read.
            Hold: a line that is no record cannot be set aside.
        """
        lines = self.source.reader.read(self.position, records=limits.now.records, limit=limits.read_bytes)
        self._report_problem()
        # What was read before and is still here keeps its state: part of a batch may be settled while another waits.
        self._window = {end: self._known(line, end) or self._item(line, end) for line, end in lines}
        self._advance()
        return [item for item in self._window.values() if not item.settled]

    def acknowledged(self, items: Sequence[Item]) -> None:
        """The sink has them."""
        for item in items:
            item.settled = True
        self.delivered += len(items)
        tally.EXPORTED.add(self.source.sink, count=len(items))
        self._cursor.last_ok = clock.timestamp(clock.now_ns())
        self._cursor.last_error = self._cursor.retry_at = None
        self._cursor.answer = "accepted"
        self._advance()

    def set_aside(self, item: Item, reason: str) -> None:
        """The sink will never have it.

        Raises:
            Hold: it cannot be set aside, so it cannot be passed over either.
        """
        self._set_aside(item.line, reason)
        item.settled = True
        self._advance()
        # At once: after a crash it would be refused, and set aside, a second time.
        self.save()

    def held(self, hold: Hold, retry_at: str) -> None:
        """Keep in the cursor why nothing goes on."""
        self._cursor.last_error = self._cursor.answer = hold.reason
        self._cursor.retry_at = retry_at
        self.unsaved = True

    def pending(self) -> int:
        """Bytes that are not settled; 1 where that cannot be found out, for nothing is known to have arrived."""
        try:
            return self.source.reader.pending(self.position)
        except OSError:
            return 1

    def waiting(self) -> int:
        """Records that are not settled, by their numbers."""
        return max(0, self.source.last() - self._cursor.seq)

    def save(self) -> None:
        """Save the cursor where it moved; one that cannot be saved costs duplicates after a crash, no record."""
        if not self.unsaved:
            return
        self.unsaved, self.saved_at = False, time.monotonic()
        if self.source.cursor_path is None:
            return
        try:
            self._cursor.save(self.source.cursor_path)
        except OSError as error:
            faults.report("saving a cursor", error)

    def _report_problem(self) -> None:
        """Say what the reader passed over: a record that will not arrive."""
        problem = next(iter(self.source.reader.problems), None)
        if problem is not None and problem != self._problem:
            faults.report("reading the journal", problem)
        self._problem = problem

    def _known(self, line: bytes, end: Position) -> Item | None:
        item = self._window.get(end)
        return item if item is not None and item.line == line else None

    def _item(self, line: bytes, end: Position) -> Item:
        try:
            return Item(line, end, AuditRecord(line, self.source.resource))
        except (DecodeError, RecursionError) as error:
            self._set_aside(line, f"no journal line: {error}")
            return Item(line, end, None, settled=True)

    def _set_aside(self, line: bytes, reason: str) -> None:
        try:
            if self._quarantine is not None:
                self._quarantine.append(line, reason)
        except OSError as error:
            raise Hold(f"a refused record cannot be set aside: {error}") from error
        self._cursor.quarantined += 1
        tally.DROPPED.add("quarantined", self.source.sink)
        where = self.source.quarantine_path or "nowhere: the stream is in memory"
        faults.report("a record was set aside", f"{reason} (kept in {where})")

    def _advance(self) -> None:
        """Move over the settled beginning of the window."""
        before = self.position
        for end, item in list(self._window.items()):
            if not item.settled:
                break
            del self._window[end]
            self._pass(item)
        if self.position != before and isinstance(self.source.reader, Receipts):
            self.source.reader.done(self.position)

    def _pass(self, item: Item) -> None:
        self.position = item.end
        self.passed += item.size
        self._cursor.segment, self._cursor.offset = item.end
        if item.record is not None:
            self._cursor.seq = item.record.chain.seq
        self.unsaved = True


def _loaded(source: Source) -> Cursor:
    """The source's cursor; a new one is saved at once, for what no cursor waits for may be cleared away."""
    assert source.cursor_path is not None
    cursor, problem = load(source.cursor_path)
    if problem is not None:
        faults.report("reading a cursor", problem)
    if not source.cursor_path.exists():
        try:
            cursor.save(source.cursor_path)
        except OSError as error:
            faults.report("saving a cursor", error)
    return cursor
