"""What the other side said, made safe to log and to keep: short, on one line, without credentials."""

import re
from typing import Final

LIMIT: Final = 200
"""Characters of a quoted text."""

_LOOKED_AT: Final = 2_000
"""Characters that are searched for credentials; whatever lies behind could not be quoted anyway."""

_USER_INFO: Final = re.compile(r"//[^\s\"'<>]*@|[^\s\"'<>:@]{1,64}:(?!//)[^\s\"'<>]*@")
"""Of a URL, or of what a resolver was given of one; to the last ``@``: a password may hold a slash or an ``@``."""
_SCHEME: Final = re.compile(r"\b(bearer|basic|digest)\s+[\w.~+/=-]+", re.IGNORECASE)
_ASSIGNED: Final = re.compile(
    r"((?:passw|pwd|secret|token|api[-_]?key|authorization|credential)[\w-]{0,20}[\"']?\s{0,3}[:=,]\s{0,3}[\"']?)"
    r"[^\s\"',;&)}\]]+",
    re.IGNORECASE,
)


def quote(text: str | bytes) -> str:
    """At most 200 characters of a text from outside, control characters visible, credentials replaced by ``***``."""
    if isinstance(text, bytes):
        text = text[: 4 * _LOOKED_AT].decode("utf-8", "replace")
    text = _USER_INFO.sub(_without, text[:_LOOKED_AT])
    text = _ASSIGNED.sub(r"\1***", _SCHEME.sub(r"\1 ***", text))
    return visible(text.strip(), LIMIT)


def _without(user_info: re.Match[str]) -> str:
    return "//" if user_info[0].startswith("//") else "***@"


def visible(text: str, limit: int) -> str:
    """The text with every control or invisible character escaped, cut at ``limit`` characters."""
    shown = "".join(map(_visible, text[: limit + 1]))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _visible(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]
