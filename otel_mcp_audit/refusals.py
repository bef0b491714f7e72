"""Requests that were refused before any call began: one record each, and from a peer that floods one for many.

What is counted has a start line of its own, as a call has: a process that is killed leaves a record that says so, only
not how many there were.
"""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Final, NamedTuple

from otel_mcp_audit import clock, faults, identity
from otel_mcp_audit.flood import FOLDS, Floods, Window, peer
from otel_mcp_audit.ledger import Ledger
from otel_mcp_audit.line import Refusal, Repeated
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall
from otel_mcp_audit.rate import Rate
from otel_mcp_audit.recorder import Recorder, encode

EVENT_TYPE: Final = "access_denied"

_WAIT_S: Final = 1.0
"""Seconds that the end of a stream waits for whoever counts just now; a signal may have interrupted just that."""


class Refused(NamedTuple):
    """A request that was refused.

    Attributes:
        arrival: what it claimed to be, and who sent it.
        refusal: why, and with which HTTP status.
        outcome: ``denied`` or ``invalid_request``.
        action: what it was about.
        duration_us: from its arrival to its refusal, in microseconds.
    """

    arrival: Arrival
    refusal: Refusal
    outcome: str
    action: str
    duration_us: int | None = None


class _Fold:
    """Refusals that are counted: the first of them, how many, and when the last one was."""

    __slots__ = ("count", "opened", "outcome", "until_ns")

    def __init__(self, opened: OpenCall, outcome: str) -> None:
        self.opened = opened
        self.outcome = outcome
        self.count = 0
        self.until_ns = 0


class Refusals:
    """Keeps the refusals of one stream.

    Args:
        rate: how many are recorded singly, each peer.
        recorder: decides what their records say.
        ledger: where they are kept.
        wake: told that there is something new to deliver.
    """

    def __init__(self, rate: Rate, recorder: Recorder, ledger: Ledger, wake: Callable[[], None]) -> None:
        self._recorder = recorder
        self._ledger = ledger
        self._wake = wake
        self._floods = Floods[_Fold](rate)
        self._lock = threading.Lock()
        self._tending: threading.Thread | None = None
        self._stopped = threading.Event()

    def keep(self, refused: Refused) -> OpenCall | None:
        """Put a refusal on record, or count it; answers what there may be to wait for, None where it was counted.

        Raises:
            JournalError: its record could not be kept, and is missed.
        """
        refused.arrival.event_type, refused.arrival.action = EVENT_TYPE, refused.action
        refused.arrival.asked = True  # a stranger could make a resolver work, so none is asked
        now = time.monotonic()
        with self._lock:
            window = self._floods.window(peer(refused.arrival.request.client_ip), now)
            single = window.single()
            if not single:
                self._count(window, refused)
            over = self._floods.over(now)
        self._write(over)
        return self._single(refused) if single else None

    def flush(self) -> None:
        """Put on record what was counted so far."""
        if self._lock.acquire(timeout=_WAIT_S):
            try:
                folds = self._floods.all()
            finally:
                self._lock.release()
            self._write(folds)

    def stop(self) -> None:
        """Put on record what was counted, and count no longer on a thread of its own."""
        self._stopped.set()
        self.flush()

    def _single(self, refused: Refused) -> OpenCall:
        opened = self._open(refused)
        opened.complete(Ending(refused.outcome))
        opened.event.response.duration_us = refused.duration_us
        self._ledger.append(encode(opened.event, opened.params), kind=(EVENT_TYPE, refused.outcome))
        opened.due, opened.miss = self._ledger.stream.due(), self._ledger.miss
        self._wake()
        return opened

    def _open(self, refused: Refused) -> OpenCall:
        opened = self._recorder.open(refused.arrival)
        opened.event.refusal = refused.refusal
        return opened

    def _count(self, window: Window[_Fold], refused: Refused) -> None:
        kind = self._kind(window, refused)
        fold = window.folds.get(kind)
        if fold is None:
            fold = window.folds[kind] = self._begin(refused)
        fold.count += 1
        fold.until_ns = clock.now_ns()

    def _kind(self, window: Window[_Fold], refused: Refused) -> Hashable:
        """What is counted together. Whose token it was tells too: no record of one user stands for another's requests.

        A peer with too many users has one count for the rest of them, which names nobody.
        """
        plain = (refused.refusal.reason, refused.refusal.status)
        if refused.arrival.call.token is None:
            return plain
        user, _ = self._recorder.who(refused.arrival)
        kind = (*plain, user.id, user.tenant_id, user.client_id)
        if kind in window.folds or len(window.folds) < FOLDS:
            return kind
        refused.arrival.user = identity.NOBODY
        return plain

    def _begin(self, refused: Refused) -> _Fold:
        opened = self._open(refused)
        opened.event.repeated = Repeated(1, opened.event.timestamp)
        self._begin_on_record(opened)
        if self._tending is None:
            self._tending = threading.Thread(target=self._tend, name="otel-mcp-audit-refusals", daemon=True)
            self._tending.start()
        return _Fold(opened, refused.outcome)

    @faults.harmless("keeping the start of a count")
    def _begin_on_record(self, opened: OpenCall) -> None:
        self._ledger.begin(opened.event.id, encode(opened.event, opened.params))

    def _tend(self) -> None:
        """Write what was counted when its window ends; runs only while something is."""
        while not self._stopped.is_set():
            with self._lock:
                end = self._floods.next_end()
                if end is None:
                    self._tending = None
                    return
            self._stopped.wait(max(0.0, end - time.monotonic()))
            with self._lock:
                over = self._floods.over(time.monotonic())
            self._write(over)

    def _write(self, folds: Sequence[_Fold]) -> None:
        for fold in folds:
            self._write_one(fold)
        if folds:
            self._wake()

    def _write_one(self, fold: _Fold) -> None:
        opened = fold.opened
        opened.complete(Ending(fold.outcome))
        opened.event.response.duration_us = None
        opened.event.repeated = Repeated(fold.count, clock.timestamp(fold.until_ns))
        try:
            kind = (EVENT_TYPE, fold.outcome)
            self._ledger.append(encode(opened.event, opened.params), ends=opened.event.id, kind=kind)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the ledger has counted one of them
            faults.report("keeping counted refusals", error)
            self._ledger.miss(error, fold.count - 1)
