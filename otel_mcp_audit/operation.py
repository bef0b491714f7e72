"""The trail in operation: one stream being written, its deliveries, and the keeper of the folder it lies in."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from weakref import WeakSet

from otel_mcp_audit import configuration, faults, header, journal, origin, sinks, tally
from otel_mcp_audit.delivery import Delivery
from otel_mcp_audit.errors import ConfigurationError, JournalError
from otel_mcp_audit.feed import feed
from otel_mcp_audit.journal import Budget, Entry, Stream
from otel_mcp_audit.keeper import Keeper
from otel_mcp_audit.ledger import Ledger
from otel_mcp_audit.line import Trail
from otel_mcp_audit.origin import Origin
from otel_mcp_audit.policy import Policy
from otel_mcp_audit.rate import Rate
from otel_mcp_audit.recorder import Recorder
from otel_mcp_audit.refusals import Refusals
from otel_mcp_audit.resolver import Resolver
from otel_mcp_audit.settings import Settings
from otel_mcp_audit.sinks import Named, Sink

SEGMENTS: Final = 8
"""Segments that share the disk budget, at least: the newest one stays, and would else be all that fits."""

NO_FOLDER: Final = (
    "no folder can be written: the trail would end with the process; set OTEL_MCP_AUDIT_DIR to one that can"
)


class Operation:
    """Built once a process; ``begin`` opens it, ``end`` closes it.

    Args:
        ledger: the stream that is written.
        opening: its first records, which say what belongs to all of them.
        recorder: decides what its records say.
        deliveries: one a sink.
        keeper: looks after the folder; None in memory.
        refusals: how many are recorded singly, each peer.
        shortcomings: what makes the trail less than it was asked to be.

    Attributes:
        over: it has begun to end, and keeps nothing more.
    """

    def __init__(
        self,
        ledger: Ledger,
        opening: Sequence[Entry],
        recorder: Recorder,
        deliveries: Sequence[Delivery],
        keeper: Keeper | None,
        *,
        refusals: Rate,
        shortcomings: Sequence[str] = (),
    ) -> None:
        self.shortcomings = shortcomings
        self.over = False
        _RUNNING.add(self)
        self.ledger = ledger
        self._opening = opening
        self.recorder = recorder
        self._deliveries = deliveries
        self._keeper = keeper
        self.refusals = Refusals(refusals, recorder, ledger, self.wake)

    @classmethod
    def begin(
        cls,
        settings: Settings,
        problems: Sequence[str] = (),
        *,
        deliver: bool = True,
        logger_provider: Any = None,
        resolver: Resolver | None = None,
    ) -> "Operation":
        """Open a stream in the first folder that takes one, and say in its first line what belongs to all of it."""
        found = list(problems)
        named = _resolved(settings, logger_provider, found) if deliver else []
        begun = _begun(settings, found, named)
        ledger, here = begun.ledger, begun.here
        deliveries = [Delivery(name, sink) for name, sink in sinks.delivered(named)]
        for delivery in deliveries:
            tally.expect(delivery.name)
            delivery.add(feed(ledger.stream, delivery.name))
        keeper = None
        if deliver and begun.budget is not None:
            host = journal.Origin(here.host, here.boot_id, here.service, _names(named))
            keeper = Keeper(begun.budget, ledger, deliveries, host, _in_line(named))
            keeper.start()
        if found:
            faults.report("configuration", "; ".join(found))
        recorder = Recorder(settings, Policy(), instance=here.instance, durability=ledger.durability, resolver=resolver)
        if settings.on_failure == "closed":
            found += sinks.problems(named)
        lacking = [*found, *([NO_FOLDER] if ledger.durability else [])]
        rate = Rate.read(settings.refusals)
        operation = cls(ledger, begun.opening, recorder, deliveries, keeper, refusals=rate, shortcomings=lacking)
        operation.wake()  # that a trail has begun is news by itself: its absence is what an alarm on silence sees
        ledger.in_line = _in_line(named)
        return operation

    def announce(self) -> None:
        """Hand the first records over, once this is the operation that calls are kept in: a processor may make some."""
        for entry in self._opening:
            self.ledger.hand_over(entry)

    def wake(self) -> None:
        """Tell every delivery that there is something new; never waits."""
        for delivery in self._deliveries:
            delivery.wake()

    def flush(self, timeout: float) -> bool:
        """Deliver all that is kept now; answers whether it was within ``timeout`` seconds."""
        until = time.monotonic() + timeout
        self.refusals.flush()
        flushed = [delivery.flush(_left(until)) for delivery in self._deliveries]
        return all(flushed)

    def end(self, timeout: float, reason: str) -> bool:
        """Close the stream, saying why, and deliver what it holds; bounded by ``timeout`` seconds."""
        self.over = True
        until = time.monotonic() + timeout
        if self._keeper is not None:
            self._keeper.stop()
        self.refusals.stop()
        self.ledger.declare_gaps()
        try:
            self.ledger.declare("audit_stop", Trail(reason=reason))
        except JournalError as error:
            faults.report("closing the stream", error)
        stopped = [delivery.stop(_left(until)) for delivery in self._deliveries]
        self._lose()
        self.ledger.stream.close()
        _RUNNING.discard(self)
        return all(stopped)

    def _lose(self) -> None:
        """What is in memory alone and has not been delivered by now never will be."""
        if self.ledger.durability == "memory":
            for sink, count in self.waiting().items():
                tally.DROPPED.add("memory_ended", sink, count=count)

    def waiting(self) -> dict[str, int]:
        """How many records wait for each sink."""
        return {delivery.name: delivery.waiting() for delivery in self._deliveries}

    @property
    def utilization(self) -> float | None:
        """Part of the disk budget that was taken at the last look; None in memory."""
        return self.ledger.utilization


_RUNNING: Final[WeakSet[Operation]] = WeakSet()

os.register_at_fork(after_in_child=_RUNNING.clear)


def running() -> list[Operation]:
    """The operations of this process that have not ended."""
    return list(_RUNNING)


def _left(until: float) -> float:
    return max(0.0, until - time.monotonic())


class _Begun(NamedTuple):
    """A stream whose first lines are kept; ``budget`` is of its folder, None in memory."""

    ledger: Ledger
    opening: list[Entry]
    budget: Budget | None
    here: Origin


def _names(named: Sequence[Named]) -> list[str]:
    return [name for name, _ in named]


def _in_line(named: Sequence[Named]) -> list[Sink]:
    return [sink for _, sink in sinks.in_line(named)]


def _begun(settings: Settings, problems: list[str], named: Sequence[Named]) -> _Begun:
    """Begin on the first rung of the ladder that keeps the first line; the last is memory, better than no trail."""
    for explicit in dict.fromkeys((settings.dir, None)):
        try:
            return _begun_in(journal.choose(explicit, os.environ), settings, problems, named)
        except (ConfigurationError, JournalError, OSError) as error:
            problems.append(str(error))
    return _begun_in(None, settings, problems, named)


def _begun_in(root: Path | None, settings: Settings, problems: list[str], named: Sequence[Named]) -> _Begun:
    segment_bytes = min(journal.SEGMENT_BYTES, settings.max_bytes // SEGMENTS)
    stream = Stream.create(root, segment_bytes=segment_bytes, synced=settings.durability == "power")
    here = origin.here(stream.id)
    budget = None if root is None else Budget(root, settings.max_bytes)
    ledger = Ledger(stream, budget, durability="memory" if root is None else None)
    names = _names(named)
    first = header.header(here, configuration.shown(settings, names, os.environ), names, problems)
    first.heads = journal.heads(root) if root is not None else []
    first.durability = ledger.durability or settings.durability
    change = header.change(None if root is None else journal.latest(root, here.service), first)
    try:
        opening = [ledger.declare("audit_start", first)]
        if change is not None:
            opening.append(ledger.declare("audit_config", change))
    except JournalError:  # a full disk makes a folder and keeps no line
        stream.close()
        raise
    return _Begun(ledger, opening, budget, here)


def _resolved(settings: Settings, logger_provider: Any, problems: list[str]) -> list[Named]:
    """The sinks that can be had; with one that cannot be read the journal keeps its records until it can."""
    try:
        named = sinks.resolve(settings.sinks, os.environ, logger_provider)
        problems += sinks.problems(sinks.in_line(named))
        return named
    except ConfigurationError as error:
        problems.append(str(error))
    except Exception as error:  # noqa: BLE001 -- an application's own sink can raise anything when it is made
        problems.append(
            f"sinks: {type(error).__name__} when they were made; records wait in the journal until they can be"
        )
    return []
