"""``otel-mcp-audit doctor`` as somebody asks it from another shell."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.scenes.processes import PATIENCE


@dataclass(frozen=True)
class Answer:
    """What it said."""

    status: int
    text: str
    checks: list[dict[str, Any]]

    def of(self, name: str) -> list[dict[str, Any]]:
        """The checks of a name."""
        return [check for check in self.checks if check["name"] == name]

    def one(self, name: str) -> dict[str, Any]:
        """The only check of a name."""
        (check,) = self.of(name)
        return check


def ask(folder: Path | None = None, *, home: Path, environ: Mapping[str, str] | None = None) -> Answer:
    """Ask with nothing of the server's environment: a home, a PATH, and what is given."""
    plain = {"HOME": str(home), "TMPDIR": str(home), "PATH": os.environ["PATH"], **(environ or {})}
    where = [] if folder is None else ["--dir", str(folder)]
    line = [str(Path(sys.executable).with_name("otel-mcp-audit")), "doctor", "--json", *where]
    done = subprocess.run(
        line, env=plain, capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE, check=False
    )
    assert done.stderr == "", done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"] == (done.returncode == 0)
    return Answer(done.returncode, done.stdout, answer["checks"])
