"""The stream of this process, and an account of what it could not keep.

A record that cannot be kept is counted, and the count becomes a record as soon as one can be kept again: a trail with
a gap says so itself.
"""

import threading

from otel_mcp_audit import faults, trail
from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import Budget, Entry, Incident, Stream
from otel_mcp_audit.line import Trail
from otel_mcp_audit.redaction import text


class Ledger:
    """Keeps bodies in a stream.

    Args:
        stream: the stream; this process writes it.
        budget: of the folder it lies in; None where there is none.
        durability: said in every record about the trail where it is less than promised.
    """

    def __init__(self, stream: Stream, budget: Budget | None = None, *, durability: str | None = None) -> None:
        self.stream = stream
        self._budget = budget
        self.durability = durability
        self._lost = 0
        self._reason = ""
        self._declaring = threading.Lock()

    def declare(self, event_type: str, details: Trail) -> Entry:
        """Keep a record about the trail itself, whatever the budget: it is what says that others are missing.

        Raises:
            JournalError: it could not be kept.
        """
        return self.stream.append(trail.body(event_type, details, durability=self.durability))

    def begin(self, call_id: str, body: bytes) -> None:
        """Keep a call's start line.

        Raises:
            JournalError: it could not be kept; the call's record may still be.
        """
        self._spend(len(body))
        self.stream.begin(call_id, body)

    def append(self, body: bytes, *, ends: str) -> None:
        """Keep the record of the call ``ends``.

        Raises:
            JournalError: it could not be kept, and is counted.
        """
        try:
            self._spend(len(body))
            self.stream.append(body, ends=ends)
        except JournalError as error:
            self._lost, self._reason = self._lost + 1, _why(error)
            raise
        if self._lost or self.stream.incidents:
            self.declare_gaps()

    def _spend(self, size: int) -> None:
        if self._budget is None:
            return
        if self._budget.full:
            raise JournalError(
                f"the journal's {self._budget.max_bytes} bytes are full of records that no sink has taken: "
                "give them an endpoint, or set OTEL_MCP_AUDIT_SINKS=none and prune, or raise OTEL_MCP_AUDIT_MAX_BYTES"
            )
        self._budget.spend(size)

    @faults.harmless("declaring a gap")
    def declare_gaps(self) -> None:
        """Put on record what was lost or mended; kept for later where even that cannot be written."""
        with self._declaring:
            while self.stream.incidents:
                self.declare("audit_gap", _gap(self.stream.incidents[0]))
                self.stream.incidents.pop(0)
            if self._lost:
                lost = self._lost
                self.declare("audit_gap", Trail(count=lost, reason=text(f"not kept: {self._reason}")))
                self._lost -= lost


def _why(error: JournalError) -> str:
    """The cause alone: what stands around it is the journal's own address, and may be longer than a reason."""
    cause = error.__cause__
    return (cause.strerror or str(cause)) if isinstance(cause, OSError) else str(error)


def _gap(incident: Incident) -> Trail:
    trail = Trail(count=incident.count, reason=incident.reason)
    if incident.first_seq is not None and incident.last_seq is not None:
        trail.first_seq, trail.last_seq = incident.first_seq, incident.last_seq
    return trail
