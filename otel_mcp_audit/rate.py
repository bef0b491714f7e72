"""A rate: so many in so long. Written ``60/60s``."""

import re
from typing import Final, NamedTuple

MOST: Final = 100_000
LONGEST_S: Final = 3600

_WRITTEN: Final = re.compile(r"([0-9]{1,6})/([0-9]{1,4})(s|m)", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60}

MEND: Final = f"write how many in how long, such as 60/60s or 100/5m: at most {MOST}, in 1s to {LONGEST_S // 60}m"


class Rate(NamedTuple):
    """``times`` in any window of ``seconds``."""

    times: int
    seconds: int

    @classmethod
    def read(cls, text: str) -> "Rate":
        """Read it as it is written.

        Raises:
            ValueError: it is no rate; says how one is written.
        """
        written = _WRITTEN.fullmatch(text)
        if written is None:
            raise ValueError(MEND)
        rate = cls(int(written[1]), int(written[2]) * _SECONDS[written[3]])
        if rate.times > MOST or not 1 <= rate.seconds <= LONGEST_S:
            raise ValueError(MEND)
        return rate
