"""The loader, tried in a process of its own with this environment; and the variable that breaks it, by trying again."""

import sys
from collections.abc import Iterator, Mapping
from typing import Final

from otel_mcp_audit.doctor.check import Check
from otel_mcp_audit.doctor.subject import Subject
from otel_mcp_audit.loader import naming
from otel_mcp_audit.loader.replay import Replay, replay

_TRIED: Final = 16
"""Variables that are left out in turn, at most: each costs a start of Python."""

_OURS: Final = "OTEL_MCP_AUDIT_"


def loader(subject: Subject) -> Iterator[Check]:
    """Whether the loader gets through, and to us."""
    tried = replay(subject.environ)
    unknown = naming.unknown_names(subject.environ)
    if tried.failures:
        blamed = [name.variable for name in unknown] or _blamed(subject.environ)
        yield _failed(tried, blamed)
        return
    if not tried.installed:
        yield Check("loader", "fail", "it never reaches us: calls are NOT audited", "see the checks above")
        return
    yield Check("loader", "ok", f"opentelemetry-instrument {sys.executable} loads us")
    for name in unknown:
        what, _, mend = name.text.partition(": ")
        yield Check("loader", "warn", f"{what}, though nothing has asked for it yet", mend)


def _failed(tried: Replay, blamed: list[str]) -> Check:
    detail = "; ".join(tried.failures)
    mend = f"correct or unset {', '.join(dict.fromkeys(blamed))}" if blamed else "mend or uninstall what is named here"
    if any(failure.startswith("SystemExit") for failure in tried.failures):
        return Check("loader", "fail", f"{detail}: the server does not start", mend)
    if tried.installed:
        return Check("loader", "warn", f"{detail}; calls are audited all the same, but `run` refuses to start", mend)
    return Check("loader", "fail", f"{detail}; it never reaches us: calls are NOT audited", mend)


def _blamed(environ: Mapping[str, str]) -> list[str]:
    """The variable without which the loader gets through; none where no variable is at fault."""
    suspects = [name for name in environ if name.startswith("OTEL_") and not name.startswith(_OURS)][:_TRIED]
    if not suspects or replay(_without(environ, suspects)).failures:
        return []
    return [name for name in suspects if not replay(_without(environ, [name])).failures][:1] or suspects


def _without(environ: Mapping[str, str], names: list[str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in names}
