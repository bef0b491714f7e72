"""The commands that serve HTTP, with one process and with several: what each leaves of thirty calls and a SIGTERM."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.starts import running
from tests.starts.running import APPLICATION, CALLS, INSTRUMENT, Left

UVICORN: Final = ("uvicorn", APPLICATION, "--port", "0")
COMMANDS: Final[dict[str, tuple[Sequence[str], int]]] = {
    "python -m uvicorn": ((sys.executable, "-m", *UVICORN), 1),
    "uvicorn": (UVICORN, 1),
    "uvicorn --workers 1": ((*UVICORN, "--workers", "1"), 1),
    "uvicorn --workers 3": ((*UVICORN, "--workers", "3"), 3),
    "uvicorn --reload": ((*UVICORN, "--reload", "--reload-dir", str(Path(__file__).parent)), 1),
}
"""What stands after ``opentelemetry-instrument``, and how many processes serve."""

SUPERVISED: Final = {"uvicorn --workers 3", "uvicorn --reload"}
"""Where the process that was started serves nothing itself."""


@pytest.fixture(scope="module", params=COMMANDS)
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Left:
    command, servers = COMMANDS[request.param]
    return running.thirty_calls(request.param, [INSTRUMENT, *command], tmp_path_factory.mktemp("http"), servers)


def test_thirty_calls_are_thirty_records_in_the_journal_and_at_the_receiver(left: Left) -> None:
    assert len(left.log.calls) == CALLS
    left.assert_whole()
    assert left.outcomes() == {"success": CALLS}


def test_each_serving_process_has_its_one_stream_and_no_other_process_has_any(left: Left) -> None:
    servers = COMMANDS[left.mode][1]
    assert len(set(left.writers)) == len(left.writers) == servers
    assert left.servers <= set(left.writers)
    assert (left.pid in left.writers) == (left.mode not in SUPERVISED)


def test_every_stream_ends_with_its_server(left: Left) -> None:
    assert left.reasons == ["server stopped"] * len(left.writers)
