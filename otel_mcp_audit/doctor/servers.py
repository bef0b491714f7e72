"""The servers that wrote the journal, as their own first lines tell."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from otel_mcp_audit.doctor.check import Check
from otel_mcp_audit.doctor.stream import SeenStream
from otel_mcp_audit.doctor.subject import Subject

_ENDED_SHOWN: Final = 3
_STATES: Final = {
    "alive": "alive",
    "adopted": "gone, being finished by another process",
    "ended": "ended",
    "killed": "gone without an end",
    "unseen": "whether it lives cannot be told from here",
}


def processes(subject: Subject) -> Iterator[Check]:
    """Every one that lives, and the newest of those that ended."""
    living = [stream for stream in subject.streams if stream.state != "ended"]
    ended = [stream for stream in subject.streams if stream.state == "ended"]
    for stream in [*living, *ended[:_ENDED_SHOWN]]:
        yield _server(stream)
    if ended[_ENDED_SHOWN:]:
        yield Check("server", "ok", f"{len(ended) - _ENDED_SHOWN} more that ended")


def _server(stream: SeenStream) -> Check:
    detail = f"{_who(stream)}: {_STATES[stream.state]}, since {stream.started}, stream {stream.path.name}"
    if not stream.started:
        return Check(
            "server", "warn", f"stream {stream.path.name}: its first line cannot be read", "otel-mcp-audit verify"
        )
    detail += f", sinks {', '.join(stream.sinks) or 'none'}"
    if stream.trail.durability not in {UNSET, "process"}:
        detail += f", durability {stream.trail.durability}"
    if stream.problems:
        status = "warn" if stream.state == "ended" else "fail"
        return Check("server", status, f"{detail}; it said: {'; '.join(stream.problems)}", "mend that, and restart it")
    if stream.state == "killed":
        return Check("server", "warn", detail, "the next start finishes it, or now: otel-mcp-audit ship")
    return Check("server", "ok", detail)


def _who(stream: SeenStream) -> str:
    return f"{stream.service}, process {stream.trail.pid or '?'} on {stream.trail.host or '?'}"


def difference(subject: Subject) -> Iterator[Check]:
    """Where this environment is not the server's: what is said of the one does not hold for the other."""
    for stream in subject.streams:
        if stream.state in {"alive", "unseen"}:
            yield from _different(stream, subject)


def _different(stream: SeenStream, subject: Subject) -> Iterator[Check]:
    here = _service(subject)
    if here and here != stream.service:
        yield Check(
            "environment",
            "warn",
            f"process {stream.trail.pid} is {stream.service}, this environment says {here}",
            "run doctor with the server's variables to check its endpoint",
        )
    named = subject.sinks
    if named is not None and sorted(name for name, _ in named) != sorted(stream.sinks):
        yield Check(
            "environment",
            "warn",
            f"process {stream.trail.pid} delivers to {', '.join(stream.sinks) or 'none'}, this environment "
            f"to {', '.join(name for name, _ in named) or 'none'}",
            "run doctor with the server's variables to check its endpoint",
        )


def _service(subject: Subject) -> str:
    """The service's name by the two variables that hold one; empty where neither does."""
    for pair in subject.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, _, value = pair.partition("=")
        if name.strip() == "service.name":
            return subject.environ.get("OTEL_SERVICE_NAME", "") or value.strip()
    return subject.environ.get("OTEL_SERVICE_NAME", "")
