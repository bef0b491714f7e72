"""The first lines of a stream: what belongs to all of it, and what is set otherwise than when its service began."""

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET

from otel_mcp_audit import configuration
from otel_mcp_audit.journal import Beginning
from otel_mcp_audit.line import NameValue, Trail
from otel_mcp_audit.origin import Origin

PROBLEMS_LISTED: Final = 8
"""Problems that the first line lists; where there are more, the last one says how many."""


def header(here: Origin, settings: Sequence[NameValue], names: Sequence[str], problems: Sequence[str]) -> Trail:
    """What the first line says.

    Args:
        here: the process.
        settings: those in force, as ``configuration.shown``.
        names: of the sinks.
        problems: settings that could not be used.
    """
    trail = Trail(
        boot_id=here.boot_id,
        configuration=list(settings),
        host=here.host,
        pid=here.pid,
        resource=here.resource,
        settings=configuration.digest(settings),
        sinks=list(names),
        versions=here.versions,
    )
    if problems:
        trail.problems = _listed([problem[:256] for problem in problems])
    return trail


def change(before: Beginning | None, now: Trail) -> Trail | None:
    """What the ``audit_config`` after the first line ``now`` says; None where nothing is set otherwise than before.

    Where one of the two was too long to name its settings, their digests alone say that something has changed.
    """
    if before is None or before.trail.settings == now.settings:
        return None
    trail = Trail(settings=now.settings, stream=before.stream)
    if before.trail.configuration is not UNSET and now.configuration is not UNSET:
        trail.changes = configuration.changes(before.trail.configuration, now.configuration)
    return trail


def _listed(problems: list[str]) -> list[str]:
    if len(problems) <= PROBLEMS_LISTED:
        return problems
    shown = problems[: PROBLEMS_LISTED - 1]
    return [*shown, f"and {len(problems) - len(shown)} more: see the log"]
