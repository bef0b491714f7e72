"""The settings of this environment, and the variables that switch things off."""

from collections.abc import Iterator, Mapping
from typing import Final

from otel_mcp_audit import settings, sinks
from otel_mcp_audit.doctor.check import Check
from otel_mcp_audit.doctor.subject import Subject
from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.sinks.route import SDK_DISABLED

_INSTRUMENTATIONS: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


def wrong_settings(subject: Subject) -> Iterator[Check]:
    """Wrong settings, each with its mend."""
    found, problems = settings.read(subject.environ)
    try:
        sinks.resolve(found.sinks, subject.environ)
    except ConfigurationError as error:
        problems.append(str(error))
    for problem in problems:
        what, _, mend = problem.rpartition("; ") if "; " in problem else problem.partition(": ")
        yield Check("settings", "fail", what, mend)
    if not problems:
        ours = sorted(name for name, value in subject.environ.items() if name.startswith(settings.PREFIX) and value)
        yield Check("settings", "ok", f"set here: {', '.join(ours)}" if ours else "none is set in this environment")


def switches(subject: Subject) -> Iterator[Check]:
    """What is switched off on purpose, which is easily forgotten."""
    disabled = {name.strip() for name in subject.environ.get(_INSTRUMENTATIONS, "").split(",")}
    if disabled & {"mcp_audit", "*"}:
        yield Check(
            "disabled", "fail", f"{_INSTRUMENTATIONS} names us: calls are NOT audited", "take mcp_audit or * out of it"
        )
    if _true(subject.environ, "OTEL_MCP_AUDIT_DISABLED"):
        yield Check("disabled", "fail", "OTEL_MCP_AUDIT_DISABLED=true: calls are NOT audited", "unset it")
    if _true(subject.environ, SDK_DISABLED):
        yield Check(
            "disabled",
            "warn",
            f"{SDK_DISABLED}=true: recording goes on, nothing is sent",
            "unset it, then: otel-mcp-audit ship",
        )


def _true(environ: Mapping[str, str], variable: str) -> bool:
    return environ.get(variable, "").strip().lower() == "true"
