"""The stream of this process, and an account of what it could not keep.

A record that cannot be kept is counted, and the count becomes a record as soon as one can be kept again: a trail with
a gap says so itself.
"""

import threading
from collections.abc import Sequence
from typing import Final

from otel_mcp_audit import faults, tally, trail
from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import SYNC_FAILED, Budget, Entry, Incident, Stream
from otel_mcp_audit.line import Trail
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.redaction import text
from otel_mcp_audit.sinks import Sink

RECORD_MORE: Final = 1024
"""Bytes that a record is longer than its start, at most, where the tool adds little: chain, seal and response."""


class Ledger:
    """Keeps bodies in a stream.

    Args:
        stream: the stream; this process writes it.
        budget: of the folder it lies in; None where there is none.
        durability: said in every record about the trail where it is less than promised.
        in_line: sinks that are handed each record once it is kept, before anybody is told so.
    """

    def __init__(
        self,
        stream: Stream,
        budget: Budget | None = None,
        *,
        durability: str | None = None,
        in_line: Sequence[Sink] = (),
    ) -> None:
        self.stream = stream
        self._budget = budget
        self.durability = durability
        self.in_line = in_line
        self._lost = 0
        self._reason = ""
        self._declaring = threading.Lock()

    @property
    def utilization(self) -> float | None:
        """Part of the disk budget that is taken, as far as is known here; None where there is none."""
        return None if self._budget is None else self._budget.utilization

    def declare(self, event_type: str, details: Trail) -> Entry:
        """Keep a record about the trail itself, whatever the budget: it is what says that others are missing.

        Raises:
            JournalError: it could not be kept.
        """
        entry = self.stream.append(trail.body(event_type, details, durability=self.durability))
        tally.EMITTED.add(event_type, "success")
        self.hand_over(entry)
        return entry

    @faults.harmless("handing a record over")
    def hand_over(self, entry: Entry) -> None:
        """Hand a record that is kept to the sinks in line."""
        if self.in_line:
            record = AuditRecord(entry.line)
            for sink in self.in_line:
                sink.write([record])

    def begin(self, call_id: str, body: bytes) -> None:
        """Keep a call's start line.

        Raises:
            JournalError: it could not be kept; the call's record may still be.
        """
        self._spend(len(body))
        self.stream.begin(call_id, body)

    def begin_strictly(self, call_id: str, body: bytes) -> None:
        """Keep a call's start line in a journal that is as it was left, and has room for the record too.

        Raises:
            JournalError: it could not be kept, or somebody has changed the journal, which is on record then.
        """
        self._see_room(2 * len(body) + RECORD_MORE)
        self.begin(call_id, body)
        changes = [incident.reason for incident in self.stream.incidents if incident.reason != SYNC_FAILED]
        if changes:
            self.declare_gaps()
            raise JournalError(f"somebody has changed stream {self.stream.path or self.stream.id}: {changes[0]}")

    def append(self, body: bytes, *, kind: tuple[str, str], ends: str | None = None) -> None:
        """Keep a record: of the call ``ends``, or of what had no start line; its ``kind`` is event type and outcome.

        Raises:
            JournalError: it could not be kept, and is counted, as after any other exception.
        """
        try:
            self._spend(len(body))
            entry = self.stream.append(body, ends=ends)
        except Exception as error:
            self.miss(error)
            tally.DROPPED.add("not_kept", "")
            raise
        tally.EMITTED.add(*kind)
        self.hand_over(entry)
        if self._lost or self.stream.incidents:
            self.declare_gaps()

    def miss(self, error: Exception, count: int = 1) -> None:
        """Count records that are not kept as promised."""
        self._lost, self._reason = self._lost + count, _why(error)

    def _spend(self, size: int) -> None:
        if self._budget is not None:
            self._see_room(0)
            self._budget.spend(size)

    def _see_room(self, size: int) -> None:
        if self._budget is not None and not self._budget.has_room(size):
            raise JournalError(
                f"the journal's {self._budget.max_bytes} bytes are full of records that no sink has taken: "
                "give them an endpoint, or set OTEL_MCP_AUDIT_SINKS=none and prune, or raise OTEL_MCP_AUDIT_MAX_BYTES"
            )

    @faults.harmless("declaring a gap")
    def declare_gaps(self) -> None:
        """Put on record what was lost or mended; kept for later where even that cannot be written."""
        with self._declaring:
            while self.stream.incidents:
                incident = self.stream.incidents[0]
                self.declare("audit_gap", _gap(incident))
                self.stream.incidents.pop(0)
                if incident.count:
                    tally.DROPPED.add(incident.reason, "", count=incident.count)
            if self._lost:
                lost = self._lost
                self.declare("audit_gap", Trail(count=lost, reason=text(f"not kept: {self._reason}")))
                self._lost -= lost


def _why(error: Exception) -> str:
    """The cause alone: what stands around it is the journal's own address, and may be longer than a reason.

    Of an error that is not ours only the type: its text could hold a client's values.
    """
    if not isinstance(error, JournalError):
        return type(error).__name__
    cause = error.__cause__
    return (cause.strerror or str(cause)) if isinstance(cause, OSError) else str(error)


def _gap(incident: Incident) -> Trail:
    trail = Trail(count=incident.count, reason=incident.reason)
    if incident.first_seq is not None and incident.last_seq is not None:
        trail.first_seq, trail.last_seq = incident.first_seq, incident.last_seq
    return trail
