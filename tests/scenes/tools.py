"""The tools that every scene's server offers: plain functions that know no transport, and all but one no audit."""

import sys
import time
from typing import Any, Final

import anyio
from pydantic import BaseModel

from otel_mcp_audit import annotate
from tests.scenes import kernel

CANARY: Final = "CANARY-4111-1111-1111-1111"
"""A secret that a crash carries in its text: it may stand in the server's own log, never in ours."""

PROTOCOL_CODE: Final = -32011


class Award(BaseModel):
    """What ``award`` promises to return."""

    recognition_id: str
    points: int


def echo(text: str) -> str:
    """Give the text back."""
    return text


def started(tag: str) -> str:
    """The line on stderr that says: the tool is in it now. Whoever wants to interrupt it waits for this line."""
    return f"scenes: {tag} has started"


async def slow(seconds: float, tag: str) -> str:
    """Wait without holding the event loop."""
    print(started(tag), file=sys.stderr, flush=True)
    await anyio.sleep(seconds)
    return tag


def block(seconds: float) -> str:
    """Wait holding the thread: it cannot be interrupted."""
    print(started("block"), file=sys.stderr, flush=True)
    time.sleep(seconds)
    return "blocked"


def boom() -> str:
    """Crash."""
    raise ValueError(CANARY)


def says_no() -> str:
    """Fail in the framework's own way."""
    raise kernel.tool_error(f"no: {CANARY}")


def gives_up() -> str:
    """Fail in the framework's own way, over something that is not: the tool's word counts."""
    try:
        boom()
    except ValueError as error:
        raise kernel.tool_error(f"gave up: {CANARY}") from error
    return "never"


def returns_error() -> Any:
    """Answer an error as a result."""
    return kernel.error_result(f"refused: {CANARY}")


def mcp_error() -> str:
    """Answer a JSON-RPC error of our own code."""
    raise kernel.protocol_error(PROTOCOL_CODE, f"gone: {CANARY}")


def rows(n: int) -> list[str]:
    """Return a list of n rows."""
    return [f"row {number}" for number in range(n)]


def award(points: int) -> Award:
    """Do the work, then answer with something that is not an Award."""
    broken: Any = {"recognition_id": "rec-77", "points": f"{CANARY} {points}"}
    return broken


def careless() -> str:
    """Crash with pydantic's ValidationError of the tool's own making: these are not the caller's arguments."""
    Award.model_validate({"recognition_id": "rec-77", "points": CANARY})
    return "never"


def recognise(n: int) -> Award:
    """Case 004: do the work and say so, then answer rightly, with wrong types, with text only, or with an error."""
    if n == 4:
        raise kernel.tool_error(f"{CANARY}-limit-of-{CANARY}-exceeded")
    annotate(resource="recognition:rec-77")
    answers: Any = (
        {"recognition_id": "rec-77", "points": 5},
        {"recognition_id": 77, "points": f"five {CANARY}"},
        f"done {CANARY}",
    )
    return answers[n - 1]


TOOLS: Final = (echo, slow, block, boom, says_no, gives_up, returns_error, mcp_error, rows, award, careless, recognise)
"""Those that need no server to call."""
