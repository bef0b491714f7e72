"""Every error this package raises on purpose.

* AuditError: catch this to catch them all
  x ConfigurationError: a setting that cannot be used (names the setting, the value and the mend)
  x JournalError: a record could not be kept
  x NotRecorded: with ON_FAILURE=closed: a call is not run, or not answered, since it cannot be put on record
  x Rejected: a sink will never take these records (raised by sinks)
  x Refused: a destination refused a request, and record or destination may be at fault (raised by sinks)
    + TooLarge: the request was refused for its size
"""

from collections.abc import Sequence
from typing import Final

INTERNAL_ERROR: Final = -32603
"""JSON-RPC's code for a fault on the server's side: what a call that is not run or not answered gets."""

NOT_RUN: Final = "audit: this call was not run, since it could not be put on record; ask the operator of this server"
WITHHELD: Final = (
    "audit: this call was run, and its answer is withheld, since its record could not be kept; "
    "ask the operator of this server"
)
"""What the client is told: nothing of this machine."""


class AuditError(Exception):
    """Anything that went wrong inside this package."""


class ConfigurationError(AuditError):
    """A setting that cannot be used. The text names each setting, its value and the mend."""


class JournalError(AuditError):
    """A record could not be kept on this machine."""


class NotRecorded(AuditError):  # noqa: N818 -- what the call is
    """With ``ON_FAILURE=closed``: the call was not run, or its answer is withheld; the text is fit for the client."""


class Rejected(AuditError):  # noqa: N818 -- a public name of the contract
    """Raised by a sink: these records will never be taken.

    Args:
        reason: why, in the destination's words; kept in the quarantine file.
        ids: record ids; none named means all records of the ``write``.
    """

    def __init__(self, reason: str, ids: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ids = tuple(ids)


class Refused(AuditError):  # noqa: N818 -- sibling of Rejected
    """Raised by a sink: the destination refused the request; a record or the destination itself may be at fault."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooLarge(Refused):
    """Raised by a sink: the request was refused for its size; a smaller one may pass."""
