"""What one look found: data, for people and programs alike."""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from otel_mcp_audit.doctor.subject import Subject

Status = Literal["ok", "warn", "fail"]


class Check(NamedTuple):
    """One finding.

    Attributes:
        name: what was looked at; the same at every run.
        status: ``fail`` where records are or will be missing, ``warn`` where something is to be known.
        detail: what was found. Never a credential, a claim's value or a user's id.
        mend: what to do; empty where there is nothing.
    """

    name: str
    status: Status
    detail: str
    mend: str = ""


Look = Callable[[Subject], Iterable[Check]]
"""One look at the subject; it only reads. What it raises as OSError is a finding of its own."""
