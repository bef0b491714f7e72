"""Rounds of one exchange: a call whose answer asks for more, and the call that answers it.

All that both have in common is the sealed state that the client carries from one to the other. Its digest joins them,
on any replica and after any restart; the state itself is written nowhere.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

from msgspec import UNSET

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation.answer import field, mapping
from otel_mcp_audit.line import Link
from otel_mcp_audit.opencall import OpenCall, current

ROUND: Final = "round"

DIGEST_LENGTH: Final = 32
"""Hexadecimal digits of SHA-256: 128 bits, so that no two states of a trail share a digest by chance."""

_INSIDE: Final[ContextVar[OpenCall | None]] = ContextVar("otel_mcp_audit_boundary", default=None)
"""The call whose own state is being looked at: a server that is called from inside it has a state of its own."""


async def boundary(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """``RequestStateBoundary.__call__(ctx, call_next)``: outside it a state is sealed, inside it is in clear."""
    del instance
    opened = current()
    if opened is None or _INSIDE.get() is opened:
        return await wrapped(*args, **kwargs)
    token = _INSIDE.set(opened)
    try:
        _asked(opened, args[0] if args else kwargs.get("ctx"))
        result = await wrapped(*args, **kwargs)
        _asks(opened, result)
        return result
    finally:
        _INSIDE.reset(token)


@faults.harmless("linking a round")
def _asked(opened: OpenCall, ctx: Any) -> None:
    """Name a round by the state that it brings, also one that is then refused."""
    state = mapping(ctx.params).get("requestState")
    if isinstance(state, str):
        opened.event.link = Link(id=_digest(state), type=ROUND)


@faults.harmless("linking a round")
def _asks(opened: OpenCall, result: object) -> None:
    """Name a first round by the state that it gives; a later one that asks again names the round after it too."""
    state = field(result, "requestState", "request_state")
    if not isinstance(state, str):
        return
    brought = opened.event.link
    if brought is UNSET:
        opened.event.link = Link(id=_digest(state), type=ROUND)
    else:
        opened.event.link = Link(id=brought.id, next=_digest(state), type=ROUND)


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]
