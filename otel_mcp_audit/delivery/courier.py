"""The thread of a delivery: takes batches from its streams in turn, one request in flight."""

import logging
import time
from collections.abc import Iterator
from typing import Final

from otel_mcp_audit import clock, faults
from otel_mcp_audit.delivery.hold import Hold
from otel_mcp_audit.delivery.inbox import Flush, Inbox
from otel_mcp_audit.delivery.pace import Pace
from otel_mcp_audit.delivery.sender import Sender
from otel_mcp_audit.delivery.track import Track
from otel_mcp_audit.sinks import Sink

_NS_PER_S: Final = 1_000_000_000


class Courier:
    """Runs until a last flush is answered.

    Args:
        name: the sink's name, for log lines.
        sink: where to; closed at the end.
        inbox: what it is told.
        pace: how fast.

    Attributes:
        tracks: the streams; replaced as a whole where one is added.
        hold: why nothing goes on; None while it does.
    """

    def __init__(self, name: str, sink: Sink, inbox: Inbox, pace: Pace) -> None:
        self.tracks: tuple[Track, ...] = ()
        self.hold: Hold | None = None
        self._name = name
        self._sink = sink
        self._inbox = inbox
        self._pace = pace
        self._sender = Sender(sink, name)
        self._flushes: list[Flush] = []
        self._rounds = self._failures = 0
        self._next_try = 0.0
        # Of the last round: whether something was found, and whether there is sure to be more.
        self._found = self._backlog = False

    def run(self) -> None:
        """Deliver until the last flush is answered, then close the sink."""
        ended = False
        while not ended:
            self._rest()
            self._round()
            ended = self._answer()
        for flush in self._flushes:
            flush.answer(done=False)
        try:
            self._sink.close()
        except Exception as error:  # noqa: BLE001 -- a sink's own; the process goes on, or ends, without it
            faults.report(f"closing {self._name}", error)

    def _rest(self) -> None:
        """Wait until there is something to do; somebody who waits for a flush ends every wait."""
        if self._failures:
            self._listen(self._next_try - time.monotonic())
        elif self._backlog or self._flushes:
            self._listen(0.0)
        else:
            if not self._found:
                self._listen(self._save_due(), news=True)
            if not self._flushes:
                self._listen(self._pace.linger)

    def _listen(self, seconds: float | None, *, news: bool = False) -> None:
        flush = self._inbox.next(seconds, news=news)
        if flush is not None:
            flush.goals = {track: track.passed + track.pending() for track in self.tracks}
            self._flushes.append(flush)

    def _round(self) -> None:
        """A batch of each stream, or as many as the sink takes."""
        self._inbox.heard()
        self._found = self._backlog = False
        unread: tuple[Track, OSError] | None = None
        for track in self._in_turn():
            try:
                self._carry(track)
            except OSError as error:
                faults.report("reading the journal", error)
                unread = track, error
            except Hold as hold:
                self._held(track, hold)
                return
            except Exception as error:  # noqa: BLE001 -- a bug of ours must not end the delivery of the trail
                faults.report(f"delivering to {self._name}", error)
                self._held(track, Hold(f"a fault of ours: {type(error).__name__}"))
                return
        if unread is None:
            self._flowing()
        else:
            track, error = unread
            self._held(track, Hold(f"the journal cannot be read: {error.strerror}"))

    def _in_turn(self) -> Iterator[Track]:
        """Every stream once; another one is the first each time, so that none can keep the others waiting."""
        self._rounds += 1
        tracks = self.tracks
        for number in range(len(tracks)):
            yield tracks[(self._rounds + number) % len(tracks)]

    def _carry(self, track: Track) -> None:
        before = track.position
        items = track.read(self._sender.limits)
        more = self._sender.limits.reached(items)
        if items:
            self._sender.deliver(track, items)
            self._failures = 0
        # Without items too: lines that are no records were set aside, and others may follow.
        if track.position != before:
            self._found = True
            self._backlog |= more or not items
        self._save()

    def _held(self, track: Track, hold: Hold) -> None:
        self._failures += 1
        self.hold = hold
        wait = self._pace.wait(self._failures, hold.after)
        self._next_try = time.monotonic() + wait
        track.held(hold, clock.timestamp(clock.now_ns() + int(wait * _NS_PER_S)))
        self._save()
        self._tell(hold, wait)

    def _tell(self, hold: Hold, wait: float) -> None:
        """Say it, ever more rarely: after 2, 4, 8 failures. The first may be a connection that had gone stale."""
        if (self._failures == 1 and not hold.at_fault) or self._failures & (self._failures - 1):
            return
        what = "refuses everything, nothing is set aside" if hold.at_fault else "takes nothing now"
        level = logging.ERROR if hold.at_fault else logging.WARNING
        text = f"{self._name} {what}: {hold.reason}; records are kept, next attempt in {wait:.0f} s"
        faults.report(f"delivering to {self._name}{' (at fault)' * hold.at_fault}", text, level)

    def _flowing(self) -> None:
        if self.hold is not None:
            faults.LOGGER.info("delivering to %s again", self._name)
        self.hold = None
        self._failures = 0

    def _answer(self) -> bool:
        """Answer who waited long enough; True after the last one."""
        ended = False
        for flush in self._flushes:
            done = self._delivered(flush)
            if done or max(self._next_try if self.hold else 0.0, time.monotonic()) > flush.until:
                ended |= flush.last
                self._save(now=True)
                self._flushes = [other for other in self._flushes if other is not flush]
                flush.answer(done=done)
        return ended

    def _delivered(self, flush: Flush) -> bool:
        nothing_left = not self._found and self.hold is None
        return nothing_left or all(track.passed >= goal for track, goal in flush.goals.items())

    def _save_due(self) -> float | None:
        """Seconds until a cursor is to be saved; None where none is."""
        due = [track.saved_at + self._pace.save for track in self.tracks if track.unsaved]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _save(self, *, now: bool = False) -> None:
        """Each cursor at most so often, and at once where its stream was silent: a kill costs no second copy."""
        moment = time.monotonic()
        for track in self.tracks:
            if now or moment - track.saved_at >= self._pace.save:
                track.save()
