"""Where records of this environment go, and what may go wrong on the way there."""

from collections.abc import Iterator

from otel_mcp_audit import sinks
from otel_mcp_audit.doctor.check import Check, Status
from otel_mcp_audit.doctor.subject import Subject
from otel_mcp_audit.sinks.otel import OtelSink


def routing(subject: Subject) -> Iterator[Check]:
    """The sinks, those that can take nothing, and what may cut or double records."""
    named = subject.sinks
    if named is None:  # said where the settings are looked at
        return
    names = ", ".join(name for name, _ in named) or "none: records stay in the journal"
    # The provider of ``otel`` is the server's: there is none in this process.
    unusable = sinks.problems([each for each in named if not isinstance(each.sink, OtelSink)])
    warned = sinks.warnings(named, subject.environ)
    yield from (_said("fail", problem, "; ") for problem in unusable)
    yield from (_said("warn", warning, ". ") for warning in warned)
    if not unusable and not warned:
        yield Check("routing", "ok", f"sinks of this environment: {names}")


def _said(status: Status, text: str, before_mend: str) -> Check:
    found, _, mend = text.rpartition(before_mend)
    return Check("routing", status, found or text, mend)
