"""Where a stream comes from: the OTel Resource, host, boot and versions that its first line carries for all of it."""

import importlib.metadata
import os
import platform
import socket
from pathlib import Path
from typing import Final

from msgspec import Struct
from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource

from otel_mcp_audit.line import NameValue
from otel_mcp_audit.redaction import text

RESOURCE_LIMIT: Final = 48
"""Resource attributes that are kept: the first line has to stay within the line's limit."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_DISTRIBUTIONS: Final = ("otel-mcp-audit", "mcp", "fastmcp", "opentelemetry-sdk")


class Origin(Struct, frozen=True, kw_only=True):
    """This process, as a later one needs to know it."""

    host: str
    boot_id: str
    pid: int
    service: str
    instance: str
    resource: list[NameValue]
    versions: list[NameValue]


def here(instance: str) -> Origin:
    """Describe this process; ``instance`` stands in where the Resource has no ``service.instance.id``."""
    attributes = _resource()
    return Origin(
        host=text(socket.gethostname()),
        boot_id=_boot_id(),
        pid=os.getpid(),
        service=attributes.get(SERVICE_NAME, "unknown_service"),
        instance=attributes.get(SERVICE_INSTANCE_ID, instance),
        resource=[NameValue(name, value) for name, value in attributes.items()],
        versions=[*_versions(), NameValue("python", platform.python_version())],
    )


def _resource() -> dict[str, str]:
    """The Resource of this process's telemetry, as text."""
    resource = getattr(trace.get_tracer_provider(), "resource", None) or Resource.create()
    kept = sorted(resource.attributes.items())[:RESOURCE_LIMIT]
    return {text(str(name)): text(str(value)) for name, value in kept}


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _versions() -> list[NameValue]:
    found: list[NameValue] = []
    for name in _DISTRIBUTIONS:
        try:
            found.append(NameValue(name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
