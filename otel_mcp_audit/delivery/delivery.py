"""A sink's delivery as the rest of the package sees it. Nothing here waits, but for whoever asks to."""

import threading
import time
from typing import NamedTuple

from otel_mcp_audit import faults
from otel_mcp_audit.delivery.courier import Courier
from otel_mcp_audit.delivery.inbox import Flush, Inbox
from otel_mcp_audit.delivery.pace import Pace
from otel_mcp_audit.delivery.source import Source
from otel_mcp_audit.delivery.track import Track
from otel_mcp_audit.sinks import Sink


class Progress(NamedTuple):
    """How one sink fares.

    Attributes:
        delivered: records that were acknowledged since this process began.
        pending: bytes of lines that are not settled.
        quarantined: records that were ever set aside in the streams at hand.
        last_error: why nothing goes on, in the destination's words; None while it does.
        at_fault: the sink refuses what it took before, or everything.
    """

    delivered: int
    pending: int
    quarantined: int
    last_error: str | None
    at_fault: bool


class Delivery:
    """From journal streams to one sink, on one daemon thread that starts with the first news.

    Args:
        name: the sink's name.
        sink: where to; used and closed by the thread only.
        pace: how fast.
    """

    def __init__(self, name: str, sink: Sink, pace: Pace | None = None) -> None:
        self.name = name
        self._inbox = Inbox()
        self._courier = Courier(name, sink, self._inbox, pace or Pace())
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._adding = threading.Lock()

    def add(self, source: Source) -> None:
        """Deliver a stream too, from where its cursor stands."""
        track = Track(source)
        with self._adding:
            self._courier.tracks = (*self._courier.tracks, track)
        self._inbox.news()

    def release(self, stream_id: str) -> bool:
        """Look at a stream no more, once all of it is settled; answers whether it is."""
        with self._adding:
            mine = [track for track in self._courier.tracks if track.source.stream_id == stream_id]
            if any(track.pending() for track in mine):
                return False
            self._courier.tracks = tuple(track for track in self._courier.tracks if track not in mine)
        for track in mine:
            track.save()
        return True

    def wake(self) -> None:
        """There is a new record: called after each append, on the event loop."""
        self._inbox.news()
        if self._thread is None:
            self._start()

    def flush(self, timeout: float) -> bool:
        """Deliver what is in the journal now.

        Args:
            timeout: seconds to wait at most, also where the sink hangs.

        Returns:
            True where all was delivered or set aside. False at once where no further attempt falls into the time.
        """
        return (self._thread is None and not self._pending()) or self._ask(Flush(timeout))

    def stop(self, timeout: float) -> bool:
        """Flush, and end the thread; one that is stuck in a request is left behind.

        Args:
            timeout: seconds for all of it.

        Returns:
            As ``flush``.
        """
        flush = Flush(timeout, last=True)
        done = self._ask(flush)
        if self._thread is not None:
            self._thread.join(max(0.0, flush.until - time.monotonic()))
        return done

    def progress(self) -> Progress:
        """How the sink fares; may be asked from any thread."""
        tracks, hold = self._courier.tracks, self._courier.hold
        return Progress(
            delivered=sum(track.delivered for track in tracks),
            pending=self._pending(),
            quarantined=sum(track.quarantined for track in tracks),
            last_error=None if hold is None else hold.reason,
            at_fault=hold is not None and hold.at_fault,
        )

    def waiting(self) -> int:
        """Records that are not settled; may be asked from any thread."""
        return sum(track.waiting() for track in self._courier.tracks)

    def _ask(self, flush: Flush) -> bool:
        self._inbox.put(flush)
        if self._thread is None:
            self._start()
        elif not self._thread.is_alive():
            return not self._pending()
        return flush.wait()

    def _pending(self) -> int:
        return sum(track.pending() for track in self._courier.tracks)

    def _start(self) -> None:
        # Never waited for: whoever holds it is starting the thread.
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._courier.run, name=f"otel-mcp-audit-{self.name}", daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError as error:
            faults.report("starting a delivery", error)
        finally:
            self._starting.release()
