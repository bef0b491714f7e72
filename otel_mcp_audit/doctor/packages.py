"""What is installed here, and whether it fits together."""

import re
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from otel_mcp_audit.doctor.check import Check
from otel_mcp_audit.doctor.subject import Subject

_OURS: Final = "otel-mcp-audit"
_SHOWN: Final = (_OURS, "mcp", "fastmcp", "opentelemetry-sdk", "opentelemetry-instrumentation", "opentelemetry-distro")
_GROUPS: Final = ("opentelemetry_pre_instrument", "opentelemetry_instrumentor")
_OLDEST: Final = (1, 21)
_NEWEST: Final = (3, 0)


def versions(subject: Subject) -> Iterator[Check]:
    """Versions, and what is missing among them."""
    del subject
    found = {name: version for name in _SHOWN if (version := _version(name))}
    yield Check("packages", "ok", ", ".join(f"{name} {version}" for name, version in found.items()))
    yield _kernel(found.get("mcp"))
    if "opentelemetry-distro" not in found and not metadata.entry_points(group="opentelemetry_distro"):
        yield Check(
            "distro",
            "warn",
            "opentelemetry-distro is missing: opentelemetry-instrument sets up no exporters, spans go nowhere",
            "pip install opentelemetry-distro",
        )


def entry_points(subject: Subject) -> Iterator[Check]:
    """Whether the loader can find us, and only once."""
    del subject
    times = [len(_ours(group)) for group in _GROUPS]
    if min(times) == 0:
        yield Check("entry points", "fail", "the loader cannot find us", f"install {_OURS} anew, with its metadata")
    elif max(times) > 1:
        yield Check("entry points", "warn", f"{_OURS} is installed {max(times)} times", "uninstall all but one")
    else:
        yield Check("entry points", "ok", "each there once")


def _ours(group: str) -> list[metadata.EntryPoint]:
    return [point for point in metadata.entry_points(group=group) if point.value.startswith("otel_mcp_audit.")]


def _kernel(version: str | None) -> Check:
    if version is None:
        return Check("kernel", "warn", "mcp is not installed here", "run doctor in the server's own environment")
    numbers = tuple(int(number) for number in re.findall(r"\d+", f"{version}.0")[:2])  # also of 2.4rc1
    if _OLDEST <= numbers < _NEWEST:
        return Check("kernel", "ok", f"mcp {version}")
    return Check("kernel", "fail", f"mcp {version} is not supported: calls are NOT audited", "install mcp>=1.21,<3")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
