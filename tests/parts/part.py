"""The real parts of the tests, as ``make parts`` leaves them on this machine."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from tests.require import require

GET: Final = Path(__file__).with_name("get")
NEEDS: Final = {
    "kafka": "Java 17 or newer and Maven",
    "victorialogs": "Go 1.26 or newer",
    "seaweedfs": "a platform that has its wheel",
}


def programs(name: str) -> Path:
    """The folder of a part's programs; the test is skipped, or fails where the part is required, if it is not there."""
    found = _got(name)
    require(name, found, f"tests/parts/get {name} gets it, with {NEEDS.get(name, 'nothing')}")
    assert found is not None
    return found


@cache
def _got(name: str) -> Path | None:
    done = subprocess.run([GET, "--where", name], capture_output=True, text=True, check=False)
    folder = Path(done.stdout.strip()) / "bin"
    return folder if done.returncode == 0 and folder.is_dir() else None
