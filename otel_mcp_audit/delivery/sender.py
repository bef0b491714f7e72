"""A batch to a sink: split what is too large, find the record that is refused, and tell it from a sink at fault."""

import inspect
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from otel_mcp_audit import tally
from otel_mcp_audit.delivery.hold import Hold
from otel_mcp_audit.delivery.item import Item, halves, records, unsettled
from otel_mcp_audit.delivery.limits import Limits
from otel_mcp_audit.delivery.track import Track
from otel_mcp_audit.errors import Refused, Rejected, TooLarge
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.sinks import Sink, Unavailable, quote

SAMPLE: Final = 32
"""Records that are tried in search of one that is taken, where none is known."""

PROBE_AGE_S: Final = 3600.0
"""Seconds after which a record that was taken proves nothing more: a destination may refuse old ones."""


class Sender:
    """Settles every record of a batch, or holds.

    After a refusal the last record that was taken is sent once more. Where that is refused too the sink is at fault,
    and nothing is set aside. Else the batch is halved until the refused record stands alone; it is set aside only if it
    is refused a second time, after another one was taken.

    Args:
        sink: where to.
        name: the sink's.
        clock: seconds, monotonic.
    """

    def __init__(self, sink: Sink, name: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = Limits()
        self._sink = sink
        self._name = name
        self._clock = clock
        self._taken: AuditRecord | None = None
        self._taken_at = 0.0

    def deliver(self, track: Track, items: Sequence[Item]) -> None:
        """Send the items in order.

        Raises:
            Hold: the sink takes nothing now; what was settled stays so.
        """
        before = self.limits.now
        try:
            self._send(track, items)
        except Hold:
            # Who takes nothing at all has not told how much it takes at once.
            self.limits.now = before
            raise

    def _send(self, track: Track, items: Sequence[Item]) -> None:
        while items:
            piece = self.limits.first_of(items)
            items = items[len(piece) :]
            refusal = self._try(track, piece)
            if refusal is not None:
                self._refused(track, unsettled(piece), refusal)

    def _refused(self, track: Track, items: Sequence[Item], refusal: Refused) -> None:
        if isinstance(refusal, TooLarge) and len(items) > 1:
            self.limits.refused(items)
            self._send(track, items)
        elif self._proof() is None:
            self._search(track, items, refusal)
            self._send(track, unsettled(items))
        elif len(items) == 1:
            self._last_chance(track, items[0], refusal)
        else:
            self._prove(refusal)
            self._narrow(track, items)

    def _narrow(self, track: Track, items: Sequence[Item]) -> None:
        """The sink is sound, so one of these is not."""
        for half in halves(items):
            refusal = self._try(track, half)
            rest = unsettled(half)
            if refusal is not None and len(rest) > 1:
                self._narrow(track, rest)
            elif refusal is not None:
                self._last_chance(track, rest[0], refusal)

    def _last_chance(self, track: Track, item: Item, refusal: Refused) -> None:
        self._prove(refusal)
        again = self._try(track, [item])
        if again is not None:
            track.set_aside(item, again.reason)

    def _proof(self) -> AuditRecord | None:
        """A record that the sink took not long ago."""
        return self._taken if self._clock() - self._taken_at < PROBE_AGE_S else None

    def _prove(self, refusal: Refused) -> None:
        """See that the sink still takes what it took; a record that arrives twice is one, by its id.

        Raises:
            Hold: it does not.
        """
        assert self._taken is not None
        try:
            self._write([self._taken])
        except (Refused, Rejected):
            raise Hold(refusal.reason, at_fault=True) from None

    def _search(self, track: Track, items: Sequence[Item], refusal: Refused) -> None:
        """Find a record that is taken: among the first ones, and then the newest, which is refused least for its age.

        Raises:
            Hold: there is none.
        """
        sample = items[:SAMPLE]
        waiting = deque([sample, items[-1:]] if len(items) > SAMPLE else halves(sample))
        while waiting:
            piece = waiting.popleft()
            self._try(track, piece)
            if self._proof() is not None:
                return
            waiting.extendleft(reversed(halves(unsettled(piece))))
        raise Hold(refusal.reason, at_fault=True)

    def _try(self, track: Track, items: Sequence[Item]) -> Refused | None:
        """Send items in one request; those that the sink rejects by name are set aside, and the rest sent again.

        Returns:
            Why what is not settled was refused; None where all is settled.
        """
        while items:
            try:
                self._write(records(items))
            except Refused as refusal:
                return refusal
            except Rejected as rejection:
                named = _rejected(items, rejection)
                if not named:
                    return Refused(quote(rejection.reason))
                for item in named:
                    track.set_aside(item, quote(rejection.reason))
                items = unsettled(items)
            else:
                self.limits.accepted(items)
                track.acknowledged(items)
                return None
        return None

    def _write(self, batch: Sequence[AuditRecord]) -> None:
        try:
            answer = self._answer(batch)
        except (Refused, Rejected):
            raise
        except Unavailable as error:
            raise Hold(error.reason, after=error.after) from error
        except BaseException as error:
            # Whatever a sink raises means "again later": a bug in it too, and SystemExit, which would end the thread.
            raise Hold(_said(error)) from error
        if inspect.iscoroutine(answer):
            answer.close()
            raise Hold("the sink is asynchronous, so nothing was written; its write must be a plain function")
        self._taken, self._taken_at = batch[-1], self._clock()

    def _answer(self, batch: Sequence[AuditRecord]) -> object:
        began, error = time.monotonic(), None
        try:
            return self._sink.write(batch)
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            tally.export(self._name, time.monotonic() - began, error)


def _rejected(items: Sequence[Item], rejection: Rejected) -> list[Item]:
    """The items that a sink will never take: those it names, or the only one."""
    if not rejection.ids and len(items) == 1:
        return list(items)
    ids = set(rejection.ids)
    return [item for item in items if item.record is not None and item.record.id in ids]


def _said(error: BaseException) -> str:
    """The error's kind and its first line; in the others a database shows the row."""
    return f"{type(error).__name__}: {quote(str(error).partition(chr(10))[0])}".removesuffix(": ")
