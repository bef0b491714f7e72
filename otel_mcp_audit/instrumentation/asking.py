"""Asks an async resolver who calls, before the call is opened: bounded in time, and not given up with the call."""

import inspect
from typing import Any

import anyio

from otel_mcp_audit import clock, faults
from otel_mcp_audit.identity import Named
from otel_mcp_audit.opencall import Arrival
from otel_mcp_audit.resolver import ASKING, FAILED, LIMIT_S, SLOW, Resolver, named


async def ask(resolver: Resolver, arrival: Arrival) -> None:
    """Have the resolver say who calls; where it does not, the default identity stands.

    A call that its client takes back meanwhile goes on here, since it has to be on record. Raises only what cancels
    the task itself, outside any cancel scope.
    """
    arrival.asked, arrival.stamp = True, clock.stamp()
    arrival.request.id = arrival.request.id or arrival.stamp.id
    if ASKING.get():  # the resolver's own call
        return
    asked = _Asked(resolver, arrival)
    with anyio.CancelScope(shield=True, deadline=anyio.current_time() + LIMIT_S) as scope:
        async with anyio.create_task_group() as task:  # its own: what the resolver cancels there is not the call
            task.start_soon(asked.run)
    if asked.answer is not None:
        arrival.user, arrival.delegation = asked.answer
    elif not asked.done and scope.cancelled_caught:
        faults.report(SLOW, f"it has not answered for {LIMIT_S:g} s")
    elif not asked.done:
        faults.report(FAILED, "it was cancelled from inside")


class _Asked:
    """One question; ``done`` once it has its answer, or is at fault."""

    def __init__(self, resolver: Resolver, arrival: Arrival) -> None:
        self._resolver = resolver
        self._arrival = arrival
        self.done = False
        self.answer: Named | None = None

    async def run(self) -> None:
        ASKING.set(True)
        try:
            answered: Any = self._resolver.called(self._arrival)
            self.answer = named(await answered if inspect.isawaitable(answered) else answered)
        except Exception as error:  # noqa: BLE001 -- the application's own code must not cost the record
            faults.report(FAILED, error)
        self.done = True
