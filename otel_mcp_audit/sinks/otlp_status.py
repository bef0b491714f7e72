"""What a gRPC status means."""

from collections.abc import Iterable
from typing import Final, Protocol

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from otel_mcp_audit.errors import AuditError, Refused, TooLarge
from otel_mcp_audit.sinks.otlp_verdict import LONGEST_PAUSE, UNSENDABLE_HEADERS, speaks_of_size
from otel_mcp_audit.sinks.quote import quote
from otel_mcp_audit.sinks.sink import NotUnderstood, Unavailable

RETRY_INFO: Final = "google.rpc.retryinfo-bin"
"""Where the Python exporter looks for how long to wait; Collectors say it in the status details."""

_DETAILS: Final = "grpc-status-details-bin"
_NEVER_SENT: Final = "Invalid metadata"
"""gRPC's own word for headers that it refuses to send; no destination was asked."""

_NO_CONNECTION: Final = "failed to connect to all addresses; last error: "
"""How gRPC begins what it says of a connection; without it the end, which names the cause, is quoted too."""

_REFUSED: Final = frozenset({"INVALID_ARGUMENT", "INTERNAL", "UNKNOWN"})
_SIZE: Final = frozenset({"RESOURCE_EXHAUSTED", "OUT_OF_RANGE"})


class Failure(Protocol):
    """A failed call, as ``grpc.RpcError`` is one in truth."""

    def code(self) -> grpc.StatusCode:
        """The status."""
        ...

    def details(self) -> str | None:
        """The destination's words."""
        ...

    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None:
        """What came after the answer."""
        ...


def verdict(failure: Failure, records: int) -> AuditError:
    """The error that a failed call means.

    Args:
        failure: the call.
        records: how many were in it. A quota and a size limit have one status: a single record that is not called
            too large waits, several are tried in halves.
    """
    code: str = failure.code().name
    words = failure.details() or ""
    if words == _NEVER_SENT:
        return Unavailable(UNSENDABLE_HEADERS)
    reason = f"gRPC {code}: {quote(words.removeprefix(_NO_CONNECTION))}"
    after = _retry_after(failure.trailing_metadata() or ())
    if code in _SIZE and (speaks_of_size(words) or (code == "RESOURCE_EXHAUSTED" and records > 1 and after is None)):
        return TooLarge(reason)
    if code in _REFUSED:
        return Refused(reason)
    if code == "UNIMPLEMENTED":
        return NotUnderstood(reason)
    return Unavailable(reason, after)


def _retry_after(metadata: Iterable[tuple[str, str | bytes]]) -> float | None:
    """Seconds that the destination asks for, at most 60."""
    for key, value in metadata:
        if isinstance(value, bytes) and (info := _retry_info(key, value)) is not None:
            seconds = info.retry_delay.seconds + info.retry_delay.nanos / 1e9
            return min(seconds, LONGEST_PAUSE) if seconds > 0 else None
    return None


def _retry_info(key: str, value: bytes) -> RetryInfo | None:
    try:
        if key == RETRY_INFO:
            return RetryInfo.FromString(value)
        if key == _DETAILS:
            return _in_details(Status.FromString(value))
    except DecodeError:
        return None
    return None


def _in_details(status: Status) -> RetryInfo | None:
    info = RetryInfo()
    return info if any(detail.Unpack(info) for detail in status.details) else None
