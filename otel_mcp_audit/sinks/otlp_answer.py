"""What an HTTP answer means."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from otel_mcp_audit.errors import AuditError, Refused, TooLarge
from otel_mcp_audit.sinks.otlp_verdict import LONGEST_PAUSE, partial_success, speaks_of_size
from otel_mcp_audit.sinks.quote import quote
from otel_mcp_audit.sinks.sink import NotUnderstood, Unavailable

_OK: Final = 200
_BAD_REQUEST: Final = 400
_CONTENT_TOO_LARGE: Final = 413
_UNSUPPORTED_MEDIA_TYPE: Final = 415
_REFUSED: Final = frozenset({_BAD_REQUEST, 403, 422, 500})


class Answer(NamedTuple):
    """An HTTP answer; ``headers`` are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def is_a(self, kind: str) -> bool:
        """Whether the content type has the word in it."""
        return kind in self.headers.get("content-type", "").lower()

    def words(self) -> str:
        """What the destination says: a ``google.rpc.Status`` where it keeps to the specification, else the body."""
        if self.is_a("protobuf"):
            try:
                return Status.FromString(self.body).message
            except DecodeError:
                pass
        return self.body.decode("utf-8", "replace")


def verdict(answer: Answer) -> AuditError | None:
    """The error that an answer means; None where it is an acknowledgement."""
    words = answer.words()
    reason = f"HTTP {answer.status}: {quote(words)}".removesuffix(": ")
    if answer.status == _OK:
        return _acknowledgement(answer)
    if answer.status == _CONTENT_TOO_LARGE or (answer.status == _BAD_REQUEST and speaks_of_size(words)):
        return TooLarge(reason)
    if answer.status in _REFUSED:
        return Refused(reason)
    if answer.status == _UNSUPPORTED_MEDIA_TYPE:
        return NotUnderstood(reason)
    return Unavailable(reason, _retry_after(answer.headers))


def _acknowledgement(answer: Answer) -> AuditError | None:
    """None where a 200 is one: nothing rejected, and no page of somebody else's."""
    try:
        return partial_success(_response(answer).partial_success)
    except (DecodeError, ParseError):
        return Unavailable(f"HTTP 200, but no OTLP answer: {quote(answer.body)}")


def _response(answer: Answer) -> ExportLogsServiceResponse:
    """The message in the answer; an empty body is one, and any other must say what it is.

    Raises:
        DecodeError: it is none in protobuf.
        ParseError: it is none in JSON, or neither.
    """
    response = ExportLogsServiceResponse()
    if not answer.body:
        return response
    if answer.is_a("protobuf"):
        return ExportLogsServiceResponse.FromString(answer.body)
    if answer.is_a("json") and answer.body.lstrip().startswith(b"{"):
        return Parse(answer.body, response, ignore_unknown_fields=True)
    raise ParseError("something else")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the destination asks for, at most 60; None where it does not, or not readably."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value) if value.isdecimal() else parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(seconds, LONGEST_PAUSE) if seconds > 0 else None
