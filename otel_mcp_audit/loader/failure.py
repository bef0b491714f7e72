"""What failed in the loader, in one line each: what, where, and the variable that is to blame, if one is."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from otel_mcp_audit.loader.naming import CONFIG_FILE, unknown_names
from otel_mcp_audit.sinks import quote

_PASSED_OVER: Final = ("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR")
"""Variables whose wrong value is no error to the loader: it goes on with something else, or with nothing."""


_CONFIGURING: Final = "Configuration of"
"""How the loader begins to say that the SDK could not be set up."""


def describe(error: BaseException | None, heard: Sequence[logging.LogRecord], environ: Mapping[str, str]) -> list[str]:
    """The loader's own words, then the variables that name what is not there.

    Args:
        error: what the loader raised; None where it passed over what it logged.
        heard: what it logged with a traceback, the innermost first.
        environ: the environment it ran in.
    """
    said = heard[0] if heard else None
    cause = (said.exc_info[1] if said is not None and said.exc_info else None) or error
    before = f"{quote(said.getMessage())}: " if said is not None else ""
    named = unknown_names(environ)
    suspects = [] if named else _suspects(str(cause), before, environ)
    return [
        before + _caused(cause) if cause is not None else before,
        *(name.text for name in named),
        *([f"see {', '.join(suspects)}"] if suspects else []),
    ]


def _suspects(text: str, before: str, environ: Mapping[str, str]) -> list[str]:
    """The variables whose value an error speaks of, and the file that stands for all others where there is one."""
    if environ.get(CONFIG_FILE) and _CONFIGURING in before:
        return [CONFIG_FILE]
    ours = [(name, value.strip()) for name, value in environ.items() if name.startswith("OTEL_") and value.strip()]
    return [name for name, value in ours if re.search(rf"(?<![\w/]){re.escape(value)}(?![\w/])", text)]


def passed_over(environ: Mapping[str, str]) -> list[str]:
    """Names that the loader does not find and says nothing of."""
    return [name.text for name in unknown_names(environ) if name.variable in _PASSED_OVER]


def _caused(error: BaseException) -> str:
    place = _place(error.__traceback__)
    return f"{type(error).__name__}: {quote(str(error))}" + (f" ({place})" if place else "")


def _place(trace: TracebackType | None) -> str:
    """The innermost line that ran: in whose file it went wrong."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace is not None else ""
