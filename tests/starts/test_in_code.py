"""Programs that instrument themselves, before or after the kernel is imported, in one process and for workers."""

import sys
from pathlib import Path
from typing import Final

import pytest

from tests.starts import running
from tests.starts.running import CALLS, Left

PROGRAM: Final = Path(__file__).with_name("in_code.py")
SERVERS: Final = {"before http": 1, "after http": 1, "before workers": 2, "after workers": 2, "before reload": 1}


@pytest.fixture(scope="module", params=SERVERS)
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Left:
    line = [sys.executable, str(PROGRAM), *request.param.split()]
    mode = f"instrument() {request.param}"
    return running.thirty_calls(mode, line, tmp_path_factory.mktemp("code"), SERVERS[request.param])


def test_thirty_calls_are_thirty_records(left: Left) -> None:
    left.assert_whole()
    assert left.outcomes() == {"success": CALLS}
