"""Whether an answer is what a page shows: the same words, whatever the time, the ids and the machine."""

import doctest
import getpass
import re
from pathlib import Path
from typing import Final

_OPTIONS: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_MASKS: Final = (
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "<time>"),
    (r"\b\d\d:\d\d:\d\d\b", "<time>"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
    (r"\b(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{16})\b", "<hex>"),
    (r"\b\d+(\.\d+)? ms\b", "<duration>"),
    (r'("duration_[mu]s": ?)\d+(\.\d+)?', r"\1<duration>"),
    (r"\s+(?=<duration>)", " "),
)


def masked(text: str) -> str:
    """The text without what no two runs have in common."""
    for pattern, mask in _MASKS:
        text = re.sub(pattern, mask, text)
    return text


def familiar(text: str, home: Path) -> str:
    """The text as it looks to the reader, who is called ``you``."""
    text = text.replace(str(home), "/home/you")
    return re.sub(rf"\b{re.escape(getpass.getuser())}\b", "you", text)


def difference(shown: str, got: str) -> str | None:
    """What is not as shown, for people; None where all is."""
    want, have = masked(shown), masked(got)
    if doctest.OutputChecker().check_output(want, have, _OPTIONS):
        return None
    return f"shown:\n{shown}\ngot:\n{got}"
