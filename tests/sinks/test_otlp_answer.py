"""What an HTTP answer means."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from requests.structures import CaseInsensitiveDict

from otel_mcp_audit.errors import AuditError, Refused, TooLarge
from otel_mcp_audit.sinks.otlp_answer import Answer, verdict
from otel_mcp_audit.sinks.sink import NotUnderstood, Unavailable

PROTOBUF = "application/x-protobuf"


def judged(status: int, body: bytes = b"", kind: str = "", *, retry_after: str = "") -> AuditError | None:
    headers = CaseInsensitiveDict({"Content-Type": kind, "Retry-After": retry_after})
    return verdict(Answer(status, headers, body))


def rejecting(count: int, message: str = "") -> bytes:
    response = ExportLogsServiceResponse()
    response.partial_success.rejected_log_records = count
    response.partial_success.error_message = message
    return response.SerializeToString()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", PROTOBUF),
        (b"", "text/html"),
        (rejecting(0, "a warning"), PROTOBUF),
        (b"{}", "application/json"),
        (b'{"partialSuccess":{}}', "application/json; charset=utf-8"),
        (b'{"partialSuccess":{"rejectedLogRecords":"0"},"new":1}', "application/json"),
    ],
)
def test_an_acknowledgement_is_a_200_that_rejects_nothing(body: bytes, kind: str) -> None:
    assert judged(200, body, kind) is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (rejecting(3, "quota"), PROTOBUF),
        (b'{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"quota"}}', "application/json"),
    ],
)
def test_a_partial_success_is_a_refusal(body: bytes, kind: str) -> None:
    refusal = judged(200, body, kind)
    assert isinstance(refusal, Refused)
    assert refusal.reason == "3 rejected: quota"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>log in</html>", "text/html"),
        (b"<html>log in</html>", ""),
        (b"ok", "text/plain"),
        (b"ok", PROTOBUF),
        (b"{}", PROTOBUF),
        (b"xx", ""),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"{", "application/json"),
        (b'{"partialSuccess":3}', "application/json"),
        (b"[" * 60_000, "application/json"),
        (b'{"a":' * 10_000, "application/json"),
    ],
)
def test_a_200_with_anything_else_is_no_acknowledgement(body: bytes, kind: str) -> None:
    error = judged(200, body, kind)
    assert isinstance(error, Unavailable)
    assert "no OTLP answer" in error.reason


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Refused) for status in (400, 403, 422, 500)),
        *((status, Unavailable) for status in (201, 202, 204, 301, 302, 307, 401, 404, 408, 409, 429, 502, 503, 504)),
        (413, TooLarge),
        (415, NotUnderstood),
    ],
)
def test_every_other_status(status: int, kind: type[AuditError]) -> None:
    error = judged(status, b"said")
    assert type(error) is kind
    assert str(error) == f"HTTP {status}: said"


@pytest.mark.parametrize(
    "body", [b"http: request body too large", Status(message="body too large").SerializeToString()]
)
def test_a_400_that_speaks_of_size_is_about_size(body: bytes) -> None:
    assert isinstance(judged(400, body, PROTOBUF), TooLarge)


def test_a_refusal_in_protobuf_is_quoted_as_text() -> None:
    body = Status(code=3, message="Bearer abc is\nwrong").SerializeToString()
    assert str(judged(400, body, PROTOBUF)) == r"HTTP 400: Bearer *** is\nwrong"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0", None),
        ("100000", 60.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("9" * 400, 60.0),
        ("²", None),
    ],
)
def test_retry_after_is_honoured_up_to_a_minute(value: str, seconds: float | None) -> None:
    error = judged(503, retry_after=value)
    assert isinstance(error, Unavailable)
    assert error.after == seconds


def test_retry_after_may_be_a_date() -> None:
    error = judged(429, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert isinstance(error, Unavailable)
    assert error.after is not None
    assert 20 < error.after <= 30
    past = judged(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT")
    assert isinstance(past, Unavailable)
    assert past.after is None
