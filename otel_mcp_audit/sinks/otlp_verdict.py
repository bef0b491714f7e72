"""What an OTLP destination's answer means, where both protocols say it alike."""

import re
from typing import Final, Protocol

from otel_mcp_audit.errors import Refused
from otel_mcp_audit.sinks.quote import quote

LONGEST_PAUSE: Final = 60.0
"""Seconds of a destination's wish to be left alone that are honoured."""

ENCODING: Final = (ValueError, TypeError, OverflowError)
"""What projecting and encoding a record that is none of ours can raise."""

UNSENDABLE_HEADERS: Final = "a header cannot be sent as it is; see OTEL_EXPORTER_OTLP_HEADERS"
"""In place of the libraries' own texts, which show the header's value."""

# grpc-go, grpc core, grpc-java, tonic and .NET, each in its own words. A quota says none of these.
_SIZE: Final = re.compile(r"larger than|too large|exceeds (?:the )?max\w* (?:\w+ )*size", re.IGNORECASE)


class PartialSuccess(Protocol):
    """That part of an ``ExportLogsServiceResponse``."""

    rejected_log_records: int
    error_message: str


def speaks_of_size(text: str) -> bool:
    """Whether a refusal is about the size of the message."""
    return _SIZE.search(text) is not None


def partial_success(part: PartialSuccess) -> Refused | None:
    """The refusal in an acknowledgement; None where it rejects nothing.

    A message beside no rejected record is a warning by the specification, and the records are taken.
    """
    if part.rejected_log_records <= 0:
        return None
    return Refused(f"{part.rejected_log_records} rejected: {quote(part.error_message)}")


def unencodable(error: Exception) -> Refused:
    """A record that cannot be encoded is refused before it is sent."""
    return Refused(f"it cannot be encoded: {quote(str(error))}")
