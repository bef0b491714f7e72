"""Trails begun one after the other in one folder, and what they say of their settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from otel_mcp_audit import Auditor, Settings
from tests.integration import trail


def begin(folder: Path, **settings: Any) -> Auditor:
    """Begin a trail, as the first server of a process does."""
    fields: dict[str, Any] = {"dir": str(folder), "sinks": "none", **settings}
    auditor = Auditor(Settings(**fields))
    assert auditor.start()
    return auditor


def live(folder: Path, **settings: Any) -> None:
    """Begin a trail, make a call, end it."""
    auditor = begin(folder, **settings)
    with auditor.call("t", {}):
        pass
    assert auditor.close(10.0)


def configs(folder: Path) -> list[Mapping[str, Any]]:
    """What each ``audit_config`` says, in the order of time."""
    events = sorted(trail.events(trail.lines(folder), "audit_config"), key=lambda event: event["timestamp"])
    return [event["trail"] for event in events]


def changes(folder: Path) -> list[dict[str, tuple[str | None, str | None]]]:
    """The settings that each ``audit_config`` names: old and new."""
    return [{change["name"]: (change["old"], change["new"]) for change in each["changes"]} for each in configs(folder)]
