"""Programs as an operator starts them: under the stock loader, under ``run``, and ``doctor`` beside them."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.integration import trail
from tests.integration.process import ROOT
from tests.scenes.processes import PATIENCE

PLAY: Final = f"""import sys
sys.path.append({str(ROOT)!r})
from tests.integration import seamstress
seamstress.play()
print("served")
"""
"""A server and a client in one process; one call is made."""

Ran = subprocess.CompletedProcess[str]


def program(name: str) -> str:
    """A command of the environment that the tests run in."""
    return str(Path(sys.executable).with_name(name))


def execute(line: list[str], environ: Mapping[str, str], cwd: Path | None = None) -> Ran:
    """Run a command line to its end."""
    return subprocess.run(
        line,
        env=dict(environ),
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


def stock(environ: Mapping[str, str], code: str = PLAY) -> Ran:
    """Code under ``opentelemetry-instrument``."""
    return execute([program("opentelemetry-instrument"), sys.executable, "-c", code], environ)


def run(environ: Mapping[str, str], code: str = PLAY) -> Ran:
    """Code under ``otel-mcp-audit run``."""
    return execute([program("otel-mcp-audit"), "run", sys.executable, "-c", code], environ)


def calls(folder: Path) -> int:
    """How many calls are on record."""
    return len(trail.events(trail.lines(folder), "tool_call")) if folder.exists() else 0
