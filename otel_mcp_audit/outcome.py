"""The table of outcomes: what was seen, and what follows from it for severity, audit outcome and span."""

from typing import Final, NamedTuple


class Severity(NamedTuple):
    """An OTel severity: number and text."""

    number: int
    text: str


INFO: Final = Severity(9, "INFO")
WARN: Final = Severity(13, "WARN")
ERROR: Final = Severity(17, "ERROR")


class Outcome(NamedTuple):
    """One row: ``audit`` is OTEP 0267's outcome; ``span_error`` says whether the span's status is error."""

    audit: str
    severity: Severity
    span_error: bool = False


_FAILURE: Final = Outcome("failure", WARN)
_FAULT: Final = Outcome("failure", WARN, span_error=True)
_SUCCESS: Final = Outcome("success", INFO)
_UNKNOWN: Final = Outcome("unknown", ERROR)

OUTCOMES: Final[dict[str, Outcome]] = {
    "success": _SUCCESS,
    "tool_error": _FAULT,
    "exception": _FAULT,
    "invalid_params": _FAILURE,
    "invalid_request": _FAILURE,
    "unknown_tool": _FAILURE,
    "not_found": _FAILURE,
    "denied": _FAILURE,
    "protocol_error": _FAULT,
    "input_required": _SUCCESS,
    "task_accepted": _SUCCESS,
    "cancelled": _FAILURE,
    "disconnected": _FAILURE,
    "aborted": _UNKNOWN,
    "unknown": _UNKNOWN,
}


def outcome(name: str) -> Outcome:
    """The row of ``name``; a name that only a newer version knows reads as unknown."""
    return OUTCOMES.get(name, _UNKNOWN)
