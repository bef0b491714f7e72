"""The Collector's binaries, as ``make collector`` and ``make test`` leave them on this machine."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from tests.integration.process import ROOT
from tests.require import require

CONFIG: Final = ROOT / "collector-config"
_BUILD: Final = CONFIG / "builder" / "build"

SHIPPED: Final = "otelcol-audit"
TEST: Final = "otelcol-audit-test"
"""The shipped one, and a receiver as Splunk's."""


def binary(name: str = SHIPPED) -> Path:
    """The binary; the test is skipped, or fails where a Collector is required, if it was not built."""
    found = _built(name)
    require("collector", found, f"{_BUILD.relative_to(ROOT)} {name} builds it, with Go 1.25 or newer")
    assert found is not None
    return found


@cache
def _built(name: str) -> Path | None:
    done = subprocess.run([_BUILD, "--where", name], capture_output=True, text=True, check=False)
    path = Path(done.stdout.strip())
    return path if done.returncode == 0 and path.is_file() else None
