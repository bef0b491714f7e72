"""Finds out why a record is missing: looks at the installation, the loader, the journal and the destination.

To add a look, write a function of ``Subject`` in the file of its noun, and a row in ``LOOKS``.
"""

from collections.abc import Sequence
from typing import Final

from otel_mcp_audit.doctor.calls import identity, outcomes
from otel_mcp_audit.doctor.check import Check, Look
from otel_mcp_audit.doctor.claims import sample
from otel_mcp_audit.doctor.configuration import switches, wrong_settings
from otel_mcp_audit.doctor.delivery import progress
from otel_mcp_audit.doctor.endpoint import endpoints, timeout
from otel_mcp_audit.doctor.folder import budget, place
from otel_mcp_audit.doctor.loading import loader
from otel_mcp_audit.doctor.packages import entry_points, versions
from otel_mcp_audit.doctor.routing import routing
from otel_mcp_audit.doctor.servers import difference, processes
from otel_mcp_audit.doctor.stream import see_all
from otel_mcp_audit.doctor.subject import Subject

__all__ = ["LOOKS", "Check", "Look", "Subject", "examine", "healthy", "see_all"]

LOOKS: Final[tuple[Look, ...]] = (
    versions,
    entry_points,
    switches,
    wrong_settings,
    loader,
    place,
    budget,
    processes,
    difference,
    progress,
    routing,
    endpoints,
    timeout,
    identity,
    sample,
    outcomes,
)
"""In the order in which a record comes by: what stops it first is said first."""


def examine(subject: Subject, looks: Sequence[Look] = LOOKS) -> list[Check]:
    """Take every look; one that cannot be taken is a finding too."""
    checks: list[Check] = []
    for look in looks:
        try:
            checks += look(subject)
        except OSError as error:
            name = getattr(look, "__name__", "look")
            checks.append(Check(name, "fail", f"it cannot be looked at: {error}", "run doctor as the server's user"))
    return checks


def healthy(checks: Sequence[Check]) -> bool:
    """Whether nothing failed; warnings are none."""
    return all(check.status != "fail" for check in checks)
