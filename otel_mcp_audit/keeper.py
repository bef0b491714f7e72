"""Looks after the journal folder on a thread of its own: adopts streams whose owner is gone, keeps to the budget."""

import logging
import threading
from collections.abc import Sequence
from typing import Final

from otel_mcp_audit import faults, journal
from otel_mcp_audit.adoption import settle
from otel_mcp_audit.delivery import Delivery
from otel_mcp_audit.feed import feed
from otel_mcp_audit.journal import Budget, Cut, Stream
from otel_mcp_audit.ledger import Ledger
from otel_mcp_audit.line import Trail
from otel_mcp_audit.sinks import Sink

LOOK_EVERY_S: Final = 2.0
"""Seconds between two looks at the budget."""

WARN_AT: Final = 0.8
"""Part of the budget at which a warning is due."""

ADOPTED_AT_ONCE: Final = 16
"""Streams of gone owners that are held open: a server must not run out of files over what others left."""

ADOPT_EVERY: Final = 15
"""Looks between two searches for streams whose owner is gone."""


class Keeper:
    """One a process that keeps its trail in a folder.

    Args:
        budget: of the journal folder.
        ledger: this process's stream, which declares what is removed.
        deliveries: they also deliver what is adopted.
        origin: only streams from the same host, boot, service and sinks are adopted.
        in_line: sinks that are handed the records with which an adopted stream is finished.
    """

    def __init__(
        self,
        budget: Budget,
        ledger: Ledger,
        deliveries: Sequence[Delivery],
        origin: journal.Origin,
        in_line: Sequence[Sink] = (),
    ) -> None:
        self._budget = budget
        self._ledger = ledger
        self._deliveries = deliveries
        self._origin = origin
        self._in_line = in_line
        self._adopted: list[Stream] = []
        self._more = False
        self._said: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otel-mcp-audit-keeper", daemon=True)

    def start(self) -> None:
        """Begin to look after the folder."""
        self._thread.start()

    def stop(self) -> None:
        """Let go of what was adopted; a look that is under way is not waited for."""
        self._stopping.set()
        for stream in self._adopted:
            stream.close()

    def _run(self) -> None:
        look = 0
        while not self._stopping.is_set():
            self._release()
            if look % ADOPT_EVERY == 0 or self._more:
                self._adopt()
            self._make_room()
            look += 1
            self._stopping.wait(LOOK_EVERY_S)

    @faults.harmless("looking for streams to adopt")
    def _adopt(self) -> None:
        orphans = journal.find(self._budget.root, self._origin, self._say)
        free = ADOPTED_AT_ONCE - len(self._adopted)
        self._more = len(orphans) > free
        for orphan in orphans[:free]:
            self._take_over(orphan)

    @faults.harmless("releasing a stream")
    def _release(self) -> None:
        """Let go of what was adopted and has wholly arrived."""
        for stream in list(self._adopted):
            released = [delivery.release(stream.id) for delivery in self._deliveries]
            if all(released):
                self._adopted.remove(stream)
                stream.close()

    @faults.harmless("adopting a stream")
    def _take_over(self, orphan: journal.Orphan) -> None:
        """One that cannot be finished must not keep the others from it."""
        stream = orphan.adopt()
        if stream is None:
            if orphan.problem is not None:
                self._say(orphan.problem)
            return
        settle(stream, self._in_line)
        self._adopted.append(stream)
        for delivery in self._deliveries:
            delivery.add(feed(stream, delivery.name))
            delivery.wake()  # an idle server has no record of its own that would

    def _say(self, problem: str) -> None:
        """Say it once: it will be there at every look."""
        if problem not in self._said:
            self._said.add(problem)
            faults.LOGGER.warning("passed over: %s", problem)

    @faults.harmless("keeping to the disk budget")
    def _make_room(self) -> None:
        self._budget.make_room({self._ledger.stream.id, *(stream.id for stream in self._adopted)}, self._declare)
        used = self._budget.usage()
        if used >= WARN_AT * self._budget.max_bytes:
            waiting = ", ".join(delivery.name for delivery in self._deliveries) or "none"
            text = f"{used} of {self._budget.max_bytes} bytes are used; sinks: {waiting}. Is the endpoint up?"
            faults.report("disk budget", text, logging.WARNING)

    def _declare(self, cut: Cut) -> None:
        details = Trail(
            count=cut.count,
            first_seq=cut.first_seq,
            last_hash=cut.last_hash,
            last_seq=cut.last_seq,
            reason="disk budget",
            stream=cut.stream,
        )
        self._ledger.declare("audit_prune", details)
