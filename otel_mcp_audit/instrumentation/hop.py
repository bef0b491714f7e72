"""The one async hop: off the event loop until what is due is on the disk, also in a scope that is cancelled.

One call of a loop syncs for all that wait there; whoever comes while it is away waits for it and shares the next sync.
"""

from typing import Final, NamedTuple

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.opencall import OpenCall

LIMIT_S: Final = 2.0
"""Seconds that a call is held up by a disk that does not come back."""

_THREADS: Final = 4
"""Of our own: the application's tools may hold every thread of the common limiter."""


class _Waiting(NamedTuple):
    """A call that waits, and what wakes it: its record is on the disk, or it is its turn to sync."""

    opened: OpenCall
    woken: anyio.Event


class _Turns:
    """Of one event loop: whether a call is away syncing, and who waits for it."""

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(_THREADS)
        self._waiting: list[_Waiting] = []
        self.away = False

    async def sync(self, opened: OpenCall) -> JournalError | None:
        """Sync for all who wait; answers why it could not be done."""
        self.away = True
        try:
            return await anyio.to_thread.run_sync(opened.settle, abandon_on_cancel=True, limiter=self._limiter)
        finally:
            self.away = False
            self._hand_over()

    async def wait(self, opened: OpenCall) -> None:
        """Wait until the call that is away has synced this one's record, or another is to go."""
        mine = _Waiting(opened, anyio.Event())
        self._waiting.append(mine)
        try:
            await mine.woken.wait()
        except BaseException:
            if mine in self._waiting:
                self._waiting.remove(mine)
            else:  # woken, and gone before it could go
                self._hand_over()
            raise

    def _hand_over(self) -> None:
        """Wake whose records are on the disk, and one to go next: waking all would cost more than a sync does."""
        still: list[_Waiting] = []
        for waiting in self._waiting:
            due = waiting.opened.due
            if due is None or due.done:
                waiting.woken.set()
            else:
                still.append(waiting)
        if still and not self.away:
            still.pop(0).woken.set()
        self._waiting = still


_TURNS: Final[RunVar[_Turns]] = RunVar("otel_mcp_audit_turns")


async def hop(opened: OpenCall) -> JournalError | None:
    """Return when what is due of the call is on the disk, or will not be in time; answers why it is not."""
    turns = _turns()
    error: JournalError | None = None
    with anyio.CancelScope(shield=True, deadline=anyio.current_time() + LIMIT_S) as scope:
        while opened.due is not None and not opened.due.done:
            if turns.away:
                await turns.wait(opened)
            else:
                error = await turns.sync(opened)
    if scope.cancelled_caught:
        error = JournalError(f"the disk has not come back from a sync for {LIMIT_S:g} seconds")
        opened.overdue(error)
    if error is None:
        opened.due = None
    return error


def _turns() -> _Turns:
    turns = _TURNS.get(None)
    if turns is None:
        turns = _Turns()
        _TURNS.set(turns)
    return turns
