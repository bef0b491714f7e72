"""Log lines are rate-limited for the whole process: each test begins as if nothing had been said."""

import pytest

from otel_mcp_audit import faults


@pytest.fixture(autouse=True)
def nothing_said() -> None:
    faults._last_said.clear()  # pyright: ignore[reportPrivateUsage] -- a rate limit has no public way back
