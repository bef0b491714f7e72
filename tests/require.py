"""Real parts that a test needs: missing, they are skipped aloud; with ``AUDIT_REQUIRE`` they are a failure.

``AUDIT_REQUIRE`` is ``all``, as CI sets it, or a comma list of parts: a run that claims to have tested something must
have had it.
"""

import os
from typing import Final

import pytest

VARIABLE: Final = "AUDIT_REQUIRE"


def require(part: str, available: object, mend: str) -> None:
    """Go on where ``part`` is available; else skip the test, or fail it where the part is required.

    Args:
        part: its name, as ``AUDIT_REQUIRE`` may list it.
        available: whether it is there.
        mend: how to get it.
    """
    if available:
        return
    required = {name.strip() for name in os.environ.get(VARIABLE, "").split(",")}
    missing = f"{part} is missing: {mend}"
    if required & {"all", part}:
        pytest.fail(f"{missing} ({VARIABLE}={os.environ[VARIABLE]})", pytrace=False)
    pytest.skip(missing)


def witness(tool: str, available: object, mend: str) -> None:
    """Go on where ``tool`` is available; else skip the test aloud, also in CI.

    A tool of the operating system that looks on from outside, or bends what a test runs in: no part of what is tested.
    ``.ci/run`` installs it where it can.
    """
    if not available:
        pytest.skip(f"{tool} is missing: {mend}")
