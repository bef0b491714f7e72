"""OTLP over HTTP: the official exporter, one attempt, and the true answer.

The exporter takes a redirect and a partial success for success and tries six times. All it sees of the network is a
``requests.Session``, which is a public argument: ours keeps the answer, and raises a failure so that it ends there.
"""

import gzip
import logging
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
from otel_mcp_audit.sinks.otlp_records import readable
from otel_mcp_audit.sinks.otlp_target import Target
from otel_mcp_audit.sinks.otlp_verdict import ENCODING, UNSENDABLE_HEADERS, unencodable
from otel_mcp_audit.sinks.quote import quote
from otel_mcp_audit.sinks.sink import Unavailable
from otel_mcp_audit.sinks.unseen import silence, unseen

_FAILED: Final = (requests.RequestException, HTTPError, OSError, ValueError)
"""What a request can end with that has no answer; the last for an address or a header that cannot be sent."""

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
        self._session.verdict = Refused("the exporter sent nothing: it cannot be encoded")
        try:
            with unseen():
                self._exporter.export(readable(records))
        except ENCODING as error:
            raise unencodable(error) from error
        self._session.judge()

    def close(self) -> None:
        """Close the connections."""
        self._exporter.shutdown()


class _Session(requests.Session):
    """Asks once and keeps the verdict."""

    def __init__(self, gzip_level: int | None) -> None:
        super().__init__()
        self.verdict: AuditError | None = None
        self._gzip_level = gzip_level
        adapter = DeadlineAdapter()
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def request(  # pyright: ignore[reportIncompatibleMethodOverride] -- every exporter names its arguments
        self, method: str, url: str, *, data: bytes, **options: Any
    ) -> requests.Response:
        if self._gzip_level is not None:
            data = gzip.compress(data, self._gzip_level)
            options["headers"] = {**(options.get("headers") or {}), "Content-Encoding": "gzip"}
        # A certificate variable set to nothing means "the usual ones", not "do not look".
        options["verify"] = options.get("verify") or self.verify or True
        options |= {"allow_redirects": False, "stream": True}
        try:
            response = super().request(method, url, data=data, **options)
            with response:
                self.verdict = verdict(Answer(response.status_code, response.headers, _body(response)))
        except _FAILED as error:
            self.verdict = Unavailable(f"no answer from {_host(url)}: {_why(error)}")
            raise self.verdict from error
        self.judge()
        return response

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


def _why(error: BaseException) -> str:
    """What lies at the bottom: the outer errors name object addresses and the whole URL, and one a header's value."""
    if isinstance(error, requests.exceptions.InvalidHeader):
        return UNSENDABLE_HEADERS
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return quote(str(error))


def _host(url: str) -> str:
    """Host and port: what lies behind may hold a token."""
    return quote(url.partition("://")[2].partition("/")[0].rpartition("@")[2])
