"""How fast: when to send, how long to wait after a failure, how often to save."""

import random
from collections.abc import Callable
from typing import NamedTuple


class Pace(NamedTuple):
    """Times in seconds.

    Attributes:
        linger: how long a batch gathers before it is sent.
        pause: the wait after a first failure; it doubles with each further one.
        longest_pause: its end.
        save: the shortest time between two saves of a cursor.
        jitter: a random number from 0 to 1, so that a fleet does not come back as one.
    """

    linger: float = 0.5
    pause: float = 1.0
    longest_pause: float = 60.0
    save: float = 1.0
    jitter: Callable[[], float] = random.random

    def wait(self, failures: int, asked: float | None) -> float:
        """Seconds to wait after so many failures in a row: at least what the destination asked for.

        Args:
            failures: 1 or more.
            asked: seconds; 0 asks for no wait at all, None asks for nothing.
        """
        if asked == 0:
            return 0.0
        backoff = self.pause * 2 ** min(failures - 1, 16) * (0.8 + 0.4 * self.jitter())
        return min(max(backoff, asked or 0.0), self.longest_pause)
