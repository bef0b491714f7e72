"""What happened to a stream's files behind its back."""

from dataclasses import dataclass
from typing import Final

SYNC_FAILED: Final = "sync_failed"
"""The disk's own doing, not somebody's: the lines were written anew, and none is missing."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that the caller must put on record as ``audit_gap``.

    Attributes:
        reason: found at an adoption: ``torn_tail``, ``corrupt_tail``, ``torn_start``, ``corrupt_starts``,
            ``starts_lost``, ``segment_truncated``, ``segment_cut_back``; under a running writer: ``segment_deleted``,
            ``segment_moved``, ``segment_replaced``, ``segment_truncated``, ``foreign_bytes``, ``starts_lost``,
            ``lock_lost``, ``folder_deleted``, ``folder_moved``, ``folder_mode``, ``sync_failed``.
        first_seq: the first record that is missing, None where none is.
        last_seq: the last one.
        count: how many records (for the start file: lines) are missing.
        bytes: how many bytes were lost, cut off or found to be foreign; 0 where all was restored.
    """

    reason: str
    first_seq: int | None = None
    last_seq: int | None = None
    count: int = 0
    bytes: int = 0


def missing(reason: str, first_seq: int, last_seq: int, size: int = 0) -> Incident:
    """The records ``first_seq`` to ``last_seq`` are gone, and ``size`` bytes with them."""
    if last_seq < first_seq:
        return Incident(reason, bytes=size)
    return Incident(reason, first_seq, last_seq, last_seq - first_seq + 1, size)
