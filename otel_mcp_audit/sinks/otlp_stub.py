"""OTLP over gRPC without the exporter: the generated stub, for releases whose exporter cannot be listened to."""

from collections.abc import Sequence
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import grpc
from opentelemetry.proto.collector.logs.v1 import (  # pyright: ignore[reportMissingTypeStubs] -- generated without
    logs_service_pb2_grpc as service,
)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.util.re import parse_env_headers

from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.sinks.otlp_status import Failure, verdict
from otel_mcp_audit.sinks.otlp_target import Target
from otel_mcp_audit.sinks.otlp_tls import certificates, named
from otel_mcp_audit.sinks.otlp_verdict import UNSENDABLE_HEADERS, partial_success
from otel_mcp_audit.sinks.otlp_wire import encoded
from otel_mcp_audit.sinks.sink import Unavailable
from otel_mcp_audit.sinks.unseen import unseen

Metadata = Sequence[tuple[str, str]]

CHANNEL_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)
"""gRPC itself waits up to two minutes before it connects anew; how long to wait is delivery's to say."""


class Stub(Protocol):
    """The generated stub."""

    def Export(self, *, request: Any, metadata: Metadata, timeout: float) -> Any:  # noqa: N802 -- the service's name
        """Call the service; raises ``grpc.RpcError``."""
        ...


def message(records: Sequence[AuditRecord]) -> ExportLogsServiceRequest:
    """The request that carries the records.

    Raises:
        Refused: a record that cannot be encoded.
    """
    return ExportLogsServiceRequest.FromString(encoded(records))


class StubClient:
    """Sends records to one address, with the exporter's environment variables.

    Args:
        target: where to.
        gzip_level: None switches compression off.
    """

    def __init__(self, target: Target, *, gzip_level: int | None) -> None:
        self._timeout = target.timeout
        headers = named("HEADERS")
        self._metadata = tuple(parse_env_headers(headers[1] if headers else "", liberal=True).items())
        self._channel = _channel(target.endpoint, compression(gzip_level))
        self._stub: Stub = service.LogsServiceStub(self._channel)

    def export(self, records: Sequence[AuditRecord]) -> None:
        """Make one attempt, as ``GrpcClient.export``."""
        request = message(records)
        try:
            with unseen():
                response = self._stub.Export(request=request, metadata=self._metadata, timeout=self._timeout)
        except grpc.RpcError as error:
            raise verdict(cast("Failure", error), len(records)) from error
        except (ValueError, TypeError):
            raise Unavailable(UNSENDABLE_HEADERS) from None
        if (refusal := partial_success(response.partial_success)) is not None:
            raise refusal

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def compression(gzip_level: int | None) -> grpc.Compression:
    """GRPC's name for it."""
    return grpc.Compression.NoCompression if gzip_level is None else grpc.Compression.Gzip


def credentials() -> grpc.ChannelCredentials:
    """Those of the environment's certificates.

    Raises:
        Unavailable: a certificate that cannot be used.
    """
    return grpc.ssl_channel_credentials(*(None if pem is None else pem.content for pem in certificates()))


def is_insecure(endpoint: str) -> bool:
    """Whether there is no TLS to an address: its scheme says so, and where it has none a variable."""
    scheme = urlsplit(endpoint).scheme if "://" in endpoint else ""
    if scheme == "https":
        return False
    said = named("INSECURE")
    return scheme == "http" if said is None else said[1].lower() == "true"


def _channel(endpoint: str, packing: grpc.Compression) -> grpc.Channel:
    url = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    options = [*CHANNEL_OPTIONS]
    if is_insecure(endpoint):
        return grpc.insecure_channel(url.netloc, options, packing)
    return grpc.secure_channel(url.netloc, credentials(), options, packing)
