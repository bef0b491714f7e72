"""The loader, tried in a process of its own: what it does there is of no consequence here."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from otel_mcp_audit.loader import start

_PATIENCE: Final = 60.0
"""Seconds that the loader may take."""


class Replay(NamedTuple):
    """How it went: what failed, in words; whether we were installed at its end."""

    failures: list[str]
    installed: bool


def replay(environ: Mapping[str, str]) -> Replay:
    """Run the loader in a new Python with this environment."""
    line = [sys.executable, "-m", __name__]
    try:
        done = subprocess.run(  # noqa: S603 -- ourselves
            line, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return Replay([f"the loader did not end within {_PATIENCE:g} s"], installed=False)
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return Replay(list(answer["failures"]), bool(answer["installed"]))
    except (ValueError, LookupError, TypeError):
        return Replay([f"the loader ended the process, exit status {done.returncode}"], installed=False)


def _main() -> None:
    failures = start.load()
    seams: Any = sys.modules.get("otel_mcp_audit.instrumentation.seams")
    installed = seams is not None and seams.installed()
    print(f"\n{json.dumps({'failures': failures, 'installed': installed})}", flush=True)  # noqa: T201 -- the answer
    os._exit(0)  # exporters that were just set up would wait for their endpoint


if __name__ == "__main__":
    _main()
