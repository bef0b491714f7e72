"""What a delivery's thread is told: news, and wishes to flush. Telling takes no lock, so it is never waited for."""

import threading
import time
from queue import Empty, SimpleQueue
from typing import Final

from otel_mcp_audit.delivery.track import Track


class Flush:
    """A wish that all be delivered that is in the journal when the thread hears of it.

    Args:
        timeout: seconds that somebody waits for the answer.
        last: the thread ends with it.

    Attributes:
        until: monotonic time after which nobody waits any more.
        goals: how many bytes of each stream must have passed; set by the thread when it hears of it.
    """

    def __init__(self, timeout: float, *, last: bool = False) -> None:
        self.until = time.monotonic() + timeout
        self.last = last
        self.goals: dict[Track, int] = {}
        self._done = False
        self._answered = threading.Event()

    def wait(self) -> bool:
        """Wait for the answer, but not beyond the time; True where all was delivered."""
        self._answered.wait(max(0.0, self.until - time.monotonic()))
        return self._done

    def answer(self, *, done: bool) -> None:
        """Let the waiting one go."""
        self._done = done
        self._answered.set()


_NEWS: Final = None


class Inbox:
    """From any thread to the delivery's."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Flush | None] = SimpleQueue()
        self._told = False

    def news(self) -> None:
        """There is a new record. Costs a look at a flag where that is already known."""
        if not self._told:
            self._told = True
            self._queue.put(_NEWS)

    def put(self, flush: Flush) -> None:
        """Somebody waits."""
        self._queue.put(flush)

    def heard(self) -> None:
        """All news so far will be seen by what is read from now on."""
        self._told = False

    def next(self, seconds: float | None, *, news: bool) -> Flush | None:
        """Wait for a wish to flush, and for news where they matter; None after the time, or with news.

        Args:
            seconds: how long at most; None is without end.
            news: whether news end the wait.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            left = None if until is None else max(0.0, until - time.monotonic())
            try:
                told = self._queue.get(timeout=left) if left != 0 else self._queue.get_nowait()
            except Empty:
                return None
            if told is not _NEWS or news:
                return told
