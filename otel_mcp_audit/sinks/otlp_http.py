"""OTLP over HTTP: the official exporter, one attempt, and the true answer.

The exporter takes a redirect and a partial success for success and tries six times. All it sees of the network is a
``requests.Session``, which is a public argument: ours keeps the answer, and raises a failure so that it ends there.
"""

import gzip
import logging
import ssl
import zlib
from collections.abc import Sequence
from typing import Any, Final

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from urllib3.exceptions import HTTPError

from otel_mcp_audit.errors import AuditError, Refused
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.sinks.otlp_answer import Answer, verdict
from otel_mcp_audit.sinks.otlp_deadline import DeadlineAdapter
from otel_mcp_audit.sinks.otlp_target import Target
from otel_mcp_audit.sinks.otlp_tls import certificates
from otel_mcp_audit.sinks.otlp_verdict import UNSENDABLE_HEADERS
from otel_mcp_audit.sinks.otlp_wire import encoded
from otel_mcp_audit.sinks.quote import quote
from otel_mcp_audit.sinks.sink import Unavailable
from otel_mcp_audit.sinks.unseen import silence, unseen

_FAILED: Final = (requests.RequestException, HTTPError, OSError, ValueError)
"""What a request can end with that has no answer; the last for an address or a header that cannot be sent."""

_OF_A_FILE: Final = (OSError, ssl.SSLError)
"""What a certificate that cannot be loaded ends with, among others; what the other side does has types of its own."""

_GZIP_DEFAULT: Final = 6
"""Where the exporter's own variables ask for gzip."""

_ANSWER_LIMIT: Final = 64 * 1024
"""Bytes of an answer; an honest one has a few hundred."""


class HttpClient:
    """Sends records to one address.

    Args:
        target: where to.
        gzip_level: level of gzip; None leaves compression to the exporter and its variables.
    """

    def __init__(self, target: Target, *, gzip_level: int | None) -> None:
        silence(logging.getLogger(OTLPLogExporter.__module__))
        self._session = _Session(gzip_level)
        self._exporter = OTLPLogExporter(
            endpoint=target.endpoint,
            timeout=target.timeout,
            session=self._session,
            compression=None if gzip_level is None else Compression.NoCompression,
        )

    def export(self, records: Sequence[AuditRecord]) -> None:
        """Make one attempt; returns where the destination acknowledged every record.

        Raises:
            Refused: a record or the destination is at fault.
            TooLarge: the request was too large.
            Unavailable: not now.
        """
        self._session.verdict = Refused("the exporter sent nothing")
        self._session.payload = encoded(records)
        with unseen():
            self._exporter.export(())  # it knows where to and how; what is sent is the session's payload
        self._session.judge()

    def close(self) -> None:
        """Close the connections."""
        self._exporter.shutdown()


class _Session(requests.Session):
    """Asks once and keeps the verdict."""

    def __init__(self, gzip_level: int | None) -> None:
        super().__init__()
        self.verdict: AuditError | None = None
        self.payload = b""
        self._gzip_level = gzip_level
        adapter = DeadlineAdapter()
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def request(  # pyright: ignore[reportIncompatibleMethodOverride] -- every exporter names its arguments
        self, method: str, url: str, *, data: bytes, **options: Any
    ) -> requests.Response:
        del data  # an empty request, encoded by the exporter
        headers = dict(options.get("headers") or {})
        if self._gzip_level is not None:
            headers["Content-Encoding"] = "gzip"
        data = self._packed(str(headers.get("Content-Encoding") or self.headers.get("Content-Encoding") or ""))
        options["headers"] = headers
        # A certificate variable set to nothing means "the usual ones", not "do not look".
        options["verify"] = options.get("verify") or self.verify or True
        options |= {"allow_redirects": False, "stream": True}
        try:
            response = super().request(method, url, data=data, **options)
            with response:
                self.verdict = verdict(Answer(response.status_code, response.headers, _body(response)))
        except _FAILED as error:
            self.verdict = Unavailable(f"no answer from {_host(url)}: {_why(url, error)}")
            raise self.verdict from error
        self.judge()
        return response

    def _packed(self, encoding: str) -> bytes:
        """The payload as the header says that it is packed: the header is the exporter's, from its variables."""
        if encoding == "gzip":
            return gzip.compress(self.payload, _GZIP_DEFAULT if self._gzip_level is None else self._gzip_level)
        return zlib.compress(self.payload) if encoding == "deflate" else self.payload

    def judge(self) -> None:
        """Raise the verdict, if it is a bad one."""
        if self.verdict is not None:
            raise self.verdict


def _body(response: requests.Response) -> bytes:
    body = b""
    for piece in response.iter_content(4096):
        body += piece
        if len(body) > _ANSWER_LIMIT:
            raise requests.exceptions.ContentDecodingError("the answer is too long")
    return body


def _why(url: str, error: BaseException) -> str:
    """What lies at the bottom: the outer errors name object addresses and the whole URL, and one a header's value."""
    if isinstance(error, requests.exceptions.InvalidHeader):
        return UNSENDABLE_HEADERS
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    if url.startswith("https:") and type(error) in _OF_A_FILE:
        try:
            certificates()
        except Unavailable as ill:
            return ill.reason
    return quote(str(error))


def _host(url: str) -> str:
    """Host and port: what lies behind may hold a token."""
    return quote(url.partition("://")[2].partition("/")[0].rpartition("@")[2])
