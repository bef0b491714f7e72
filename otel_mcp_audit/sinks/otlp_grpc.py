"""OTLP over gRPC: the official exporter, one attempt, and the true answer.

The exporter drops the response (and with it a partial success), tries six times, and offers no public way around
either. Its one private name used here is ``_client``, the stub. Where a release has it no more, ``otlp_stub`` sends
what the exporter would have sent.
"""

import logging
import os
from collections.abc import Sequence
from typing import Any, Final, cast

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.exporter import OTLPExporterMixin

from otel_mcp_audit.errors import AuditError
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.sinks.otlp_status import RETRY_INFO, Failure, verdict
from otel_mcp_audit.sinks.otlp_stub import (
    CHANNEL_OPTIONS,
    Metadata,
    Stub,
    StubClient,
    compression,
    credentials,
    is_insecure,
    message,
)
from otel_mcp_audit.sinks.otlp_target import Target
from otel_mcp_audit.sinks.otlp_verdict import UNSENDABLE_HEADERS, partial_success
from otel_mcp_audit.sinks.sink import Unavailable
from otel_mcp_audit.sinks.unseen import silence, unseen

_PROVIDERS: Final = (
    "OTEL_PYTHON_EXPORTER_OTLP_GRPC_LOGS_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_GRPC_CREDENTIAL_PROVIDER",
)
"""Entry points that the exporter takes credentials from."""

_NEVER: Final = RetryInfo()
_NEVER.retry_delay.seconds = 86_400


class GrpcClient:
    """Sends records to one address.

    Args:
        target: where to.
        gzip_level: None switches compression off; the level itself is gRPC's own affair.
    """

    def __init__(self, target: Target, *, gzip_level: int | None) -> None:
        self._target = target
        self._gzip_level = gzip_level
        self._exporter: Any = None
        self._without: StubClient | None = None
        self._connected()

    @property
    def without_exporter(self) -> bool:
        """Whether this release of the exporter cannot be listened to, and the generated stub sends in its place."""
        return self._without is not None

    def export(self, records: Sequence[AuditRecord]) -> None:
        """Make one attempt; returns where the destination acknowledged every record.

        Raises:
            Refused: a record or the destination is at fault.
            TooLarge: the request was too large.
            Unavailable: not now.
        """
        exporter = self._connected()
        if self._without is not None:
            self._without.export(records)
            return
        listener = _Listener(exporter._client, message(records), len(records))
        exporter._client = listener
        try:
            with unseen():
                exporter.export(())  # it knows where to and how; what is sent is the listener's request
        finally:
            # After UNAVAILABLE the exporter has made its channel and stub anew: those stay.
            if exporter._client is listener:
                exporter._client = listener.stub
        self._judge(listener)

    def close(self) -> None:
        """Close the channel."""
        if self._without is not None:
            self._without.close()
        if self._exporter is not None:
            self._exporter.shutdown()

    def _connected(self) -> Any:
        """The exporter; where it cannot be heard there is the way without."""
        if self._exporter is None and self._without is None:
            self._exporter = _exporter(self._target, self._gzip_level)
            if not _can_be_heard(self._exporter):
                self._without = StubClient(self._target, gzip_level=self._gzip_level)
        return self._exporter

    def _judge(self, listener: "_Listener") -> None:
        if not listener.asked:
            self._without = StubClient(self._target, gzip_level=self._gzip_level)
            raise Unavailable("this release of the gRPC exporter cannot be listened to; going on without it")
        if isinstance(listener.verdict, Unavailable):
            # A channel that failed waits before it connects anew, up to two minutes: how long to wait is delivery's.
            self._exporter.shutdown()
            self._exporter = None
        if listener.verdict is not None:
            raise listener.verdict


class _Listener:
    """The stub as the exporter sees it: sends our request once, and keeps the verdict."""

    def __init__(self, stub: Stub, request: Any, records: int) -> None:
        self.stub = stub
        self._request = request
        self.asked = False
        self.verdict: AuditError | None = None
        self._records = records

    def Export(self, request: Any, metadata: Metadata, timeout: float) -> Any:  # noqa: N802 -- the service's name
        del request  # an empty one
        self.asked = True
        try:
            response = self.stub.Export(request=self._request, metadata=metadata, timeout=timeout)
        except grpc.RpcError as error:
            failure = cast("Failure", error)
            self.verdict = verdict(failure, self._records)
            raise _Final(failure) from error
        except (ValueError, TypeError):
            self.verdict = Unavailable(UNSENDABLE_HEADERS)
            raise self.verdict from None
        self.verdict = partial_success(response.partial_success)
        return response


class _Final(grpc.RpcError):
    """The true failure, with a wait that the exporter never makes: longer than any deadline, so it gives up."""

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self._failure = failure

    def code(self) -> grpc.StatusCode:
        return self._failure.code()

    def details(self) -> str | None:
        return self._failure.details()

    def trailing_metadata(self) -> Any:
        return ((RETRY_INFO, _NEVER.SerializeToString()),)


def _exporter(target: Target, gzip_level: int | None) -> OTLPLogExporter | None:
    silence(logging.getLogger(OTLPExporterMixin.__module__))
    try:
        return OTLPLogExporter(
            endpoint=target.endpoint,
            timeout=target.timeout,
            credentials=_credentials(target.endpoint),
            compression=compression(gzip_level),
            channel_options=cast("Any", CHANNEL_OPTIONS),  # annotated as one pair of texts, meant as gRPC's own
        )
    except ValueError:
        # It reads OTEL_EXPORTER_OTLP_LOGS_TIMEOUT although it was given one, and fails where that is set to nothing.
        return None


def _credentials(endpoint: str) -> grpc.ChannelCredentials | None:
    """Ours: the exporter's own reading of the certificates can end the process. None leaves it to a provider."""
    if is_insecure(endpoint):
        return None
    found = credentials()
    return None if any(os.environ.get(variable) for variable in _PROVIDERS) else found


def _can_be_heard(exporter: Any) -> bool:
    return hasattr(getattr(exporter, "_client", None), "Export")
