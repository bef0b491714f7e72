"""The command line, run as its users run it: a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-c", "from otel_mcp_audit.cli import main; main()")


def environment(home: Path, **more: str) -> dict[str, str]:
    """An environment without a journal of its own, and without what this process was told about one."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "STATE_", "XDG_"))}
    return {**kept, "HOME": str(home), "TMPDIR": str(home), "PYTHONUTF8": "1", "NO_COLOR": "1", **more}


def run(*arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=50,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def run_json(*arguments: str | Path, env: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """Run a command with ``--json``; its exit status and what it printed."""
    done = run(*arguments, "--json", env=env)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)
