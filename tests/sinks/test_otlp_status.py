"""What a gRPC status means."""

import grpc
import pytest
from google.rpc.error_details_pb2 import DebugInfo, RetryInfo
from google.rpc.status_pb2 import Status

from otel_mcp_audit.errors import AuditError, Refused, TooLarge
from otel_mcp_audit.sinks.otlp_status import verdict
from otel_mcp_audit.sinks.sink import NotUnderstood, Unavailable

Metadata = list[tuple[str, str | bytes]]


class Failed:
    """A failed call."""

    def __init__(self, code: str, details: str | None = "said", metadata: Metadata | None = None) -> None:
        self._code, self._details, self._metadata = code, details, metadata

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode[self._code]

    def details(self) -> str | None:
        return self._details

    def trailing_metadata(self) -> Metadata | None:
        return self._metadata


def waiting(milliseconds: int) -> RetryInfo:
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(milliseconds)
    return info


def detailed(milliseconds: int) -> Metadata:
    """As a Collector says it."""
    status = Status(code=14)
    status.details.add().Pack(DebugInfo(detail="x"))
    status.details.add().Pack(waiting(milliseconds))
    return [("other", "text"), ("grpc-status-details-bin", status.SerializeToString())]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, Refused) for code in ("INVALID_ARGUMENT", "INTERNAL", "UNKNOWN")),
        ("UNIMPLEMENTED", NotUnderstood),
        *(
            (code, Unavailable)
            for code in (
                "CANCELLED",
                "DEADLINE_EXCEEDED",
                "NOT_FOUND",
                "PERMISSION_DENIED",
                "FAILED_PRECONDITION",
                "ABORTED",
                "OUT_OF_RANGE",
                "UNAVAILABLE",
                "DATA_LOSS",
                "UNAUTHENTICATED",
            )
        ),
    ],
)
def test_every_status_but_one(code: str, kind: type[AuditError]) -> None:
    error = verdict(Failed(code), 10)
    assert type(error) is kind
    assert str(error) == f"gRPC {code}: said"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("RESOURCE_EXHAUSTED", "grpc: received message larger than max (6291456 vs. 4194304)"),
        ("RESOURCE_EXHAUSTED", "Received message larger than max (6291456 vs. 4194304)"),
        ("RESOURCE_EXHAUSTED", "gRPC message exceeds maximum size 4194304: 6291456"),
        ("RESOURCE_EXHAUSTED", "Received message exceeds the maximum configured message size."),
        ("OUT_OF_RANGE", "Error, decoded message length too large: found 6291456 bytes, the limit is: 4194304 bytes"),
    ],
)
@pytest.mark.parametrize("records", [1, 500])
def test_a_message_above_the_limit_in_every_implementations_words(code: str, said: str, records: int) -> None:
    assert isinstance(verdict(Failed(code, said), records), TooLarge)


def test_an_exhausted_resource_that_may_be_a_quota_splits_a_batch_but_never_condemns_a_record() -> None:
    quota = Failed("RESOURCE_EXHAUSTED", "quota exceeded")
    assert isinstance(verdict(quota, 2), TooLarge)
    assert type(verdict(quota, 1)) is Unavailable


def test_an_exhausted_resource_that_asks_for_time_gets_it() -> None:
    error = verdict(Failed("RESOURCE_EXHAUSTED", "slow down", detailed(2500)), 500)
    assert isinstance(error, Unavailable)
    assert error.after == 2.5


@pytest.mark.parametrize(
    ("metadata", "seconds"),
    [
        (None, None),
        ([], None),
        ([("google.rpc.retryinfo-bin", waiting(1500).SerializeToString())], 1.5),
        (detailed(1500), 1.5),
        (detailed(10**9), 60.0),
        (detailed(0), None),
        ([("grpc-status-details-bin", b"\xff")], None),
        ([("some-other-bin", b"\xff")], None),
        ([("google.rpc.retryinfo-bin", b"\xff")], None),
    ],
)
def test_how_long_a_destination_wants_to_be_left_alone(metadata: Metadata | None, seconds: float | None) -> None:
    error = verdict(Failed("UNAVAILABLE", None, metadata), 1)
    assert isinstance(error, Unavailable)
    assert error.after == seconds
