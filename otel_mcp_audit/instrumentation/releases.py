"""Which releases of a kernel or framework are audited: what is outside says so, once, and is left wholly alone."""

import importlib.metadata
import logging
import re
from functools import cache
from typing import Final, NamedTuple

_LOGGER: Final = logging.getLogger("otel_mcp_audit")

Version = tuple[int, int]


class Release(NamedTuple):
    """The releases that are audited: from ``first`` to before ``end``; ``distributions`` may carry the package."""

    distributions: tuple[str, ...]
    first: Version
    end: Version
    effect: str


RELEASES: Final = {
    "mcp": Release(("mcp",), (1, 21), (3, 0), "calls"),
    "fastmcp": Release(("fastmcp", "fastmcp-slim"), (2, 14), (5, 0), "calls of its servers"),
}
"""By the package that is imported. fastmcp brings a kernel, and a server of another framework may run beside it."""

_UNSUPPORTED: Final[set[str]] = set()
"""Packages that were found unsupported."""


@cache
def major(package: str) -> int | None:
    """The major version of an imported package; None, said once, where that release is not audited."""
    release = RELEASES[package]
    version = _version(release)
    found = (*(int(number) for number in re.findall(r"\d+", f"{version}.0")[:2]),)  # also of "2.4rc1"
    if release.first <= found < release.end:
        return found[0]
    _UNSUPPORTED.add(package)
    _LOGGER.error("%s: %s are NOT audited", unsupported(package), release.effect)
    return None


def unsupported(package: str) -> str:
    """What is to be said of a release that is not audited: which one it is, and which ones are."""
    release = RELEASES[package]
    supported = f"{package} >= {release.first[0]}.{release.first[1]}, < {release.end[0]}"
    return f"{package} {_version(release)} is not supported ({supported})"


def left_alone(server: object) -> bool:
    """Whether a kernel's server, or session, is one of a framework's release that is not audited."""
    return bool(_UNSUPPORTED) and type(server).__module__.partition(".")[0] in _UNSUPPORTED


def any_left_alone() -> bool:
    """Whether this process has a server, perhaps, that is not audited: where no server can be told, none is."""
    return bool(_UNSUPPORTED)


def _version(release: Release) -> str:
    """The version of the distribution that is there."""
    for name in release.distributions[:-1]:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return importlib.metadata.version(release.distributions[-1])
