"""Text from outside on a terminal: made harmless first."""

import json
import os
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.text import Text

_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: escape sequences begin here
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"  # invisible, bidirectional
    "\ud800-\udfff\U000e0000-\U000e0fff]"  # halves of a character, tags
)


def plain(text: str) -> str:
    r"""The text with every control, bidirectional and invisible character as its escape (``\u001b``)."""
    return _UNSEEN.sub(_escaped, text)


def cell(text: str, style: str = "") -> Text:
    """The text for a table: harmless, and never read as markup."""
    return Text(plain(text), style=style)


@contextmanager
def output() -> Generator[None]:
    """Print inside: a reader that leaves early ends the output, not the command, whose exit status stays its own."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still in the buffer must not fail when the process ends either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(value: Any) -> None:
    """One line of JSON on stdout; what a terminal could obey is escaped, which JSON reads back as it was."""
    ascii_only = (sys.stdout.encoding or "").lower() not in ("utf-8", "utf8")
    print(plain(json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))))  # noqa: T201 -- the output


class Plain(Console):
    """A console that reads nothing into a text: no markup, no highlighting, no emoji codes."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        """Leave the exit status to the command line."""
        raise BrokenPipeError


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code <= 0xFFFF:  # noqa: PLR2004 -- the last code that four digits can write
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
