"""Resolvers of an application: each call says, in a header or an argument, what the resolver is to do with it."""

import asyncio
import sys
from typing import Any, Final

import anyio

from otel_mcp_audit import Actor, Call

ASKED: Final = "identity: the resolver has been asked"
"""The line on stderr that says so."""

PATIENT_S: Final = 0.3
"""Seconds that ``patient`` waits, whatever happens to the call meanwhile."""

HUGE: Final = "x" * 1_000_000


def plain(call: Call) -> Actor | None:
    """By the argument ``text``."""
    return _answer(call, call.arguments.get("text", ""))


async def waiting(call: Call) -> Actor | None:
    """By the header ``X-Try``, after a while."""
    how = call.headers.get("x-try", "")
    await anyio.sleep({"hang": 3600, "patient": PATIENT_S}.get(how, 0.01) if how != "patient" else _announced())
    if how == "cancel":
        raise asyncio.CancelledError
    return _answer(call, how)


def _announced() -> float:
    print(ASKED, file=sys.stderr, flush=True)
    return PATIENT_S


def _answer(call: Call, how: str) -> Any:
    if how == "raise":
        raise RuntimeError("the directory is away")
    if how == "wrong":
        return {"id": "mallory"}
    if how == "huge":
        odd: Any = Actor
        return odd(HUGE, tenant_id=HUGE, email=HUGE, name=HUGE, roles=[HUGE] * 100, delegation=[HUGE] * 100, type=HUGE)
    if how in {"answer", "patient"}:
        return Actor(f"{call.tool}-of-{call.server}", tenant_id=call.request_id, name=call.transport, roles=["asked"])
    return None
