"""What the demonstration needs of the environment it is started from."""

import re
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from otel_mcp_audit.errors import AuditError

OLDEST_MCP: Final = (1, 21)
MEND: Final = "pip install 'otel-mcp-audit[demo]'"
LOADER: Final = "opentelemetry-instrument"


class DemoError(AuditError):
    """The demonstration cannot be given here; the text says why and names the mend."""


def require() -> None:
    """See that server, client and loader can be started from this environment.

    Raises:
        DemoError: something is missing or too old.
    """
    missing = [name for name, there in _parts().items() if not there]
    if missing:
        raise DemoError(f"the demo needs {' and '.join(missing)}: {MEND}")


def loader() -> str | None:
    """The loader of this environment, else whichever the shell would find."""
    return shutil.which(LOADER, path=str(Path(sys.executable).parent)) or shutil.which(LOADER)


def _parts() -> Mapping[str, bool]:
    return {
        f"mcp>={OLDEST_MCP[0]}.{OLDEST_MCP[1]}": _installed("mcp") >= OLDEST_MCP and find_spec("uvicorn") is not None,
        "opentelemetry-distro": bool(_installed("opentelemetry-distro")) and loader() is not None,
    }


def _installed(distribution: str) -> tuple[int, ...]:
    """The beginning of a distribution's version; empty where it is not installed."""
    try:
        numbers = re.match(r"(\d+)\.(\d+)", version(distribution))
    except PackageNotFoundError:
        return ()
    return tuple(map(int, numbers.groups())) if numbers else ()
