"""The OTLP sink: the process's own exporter settings, true acknowledgement, one attempt a write."""

from collections.abc import Sequence
from importlib import import_module
from typing import Final, Protocol

from otel_mcp_audit.errors import Refused, TooLarge
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.sinks.otlp_target import Target
from otel_mcp_audit.sinks.sink import NotUnderstood, Unavailable

_GZIP_LEVEL: Final = 1
"""The fastest; lines of a trail are so alike that a higher one gains little."""

_CLIENTS: Final = {
    "grpc": ("otel_mcp_audit.sinks.otlp_grpc", "GrpcClient"),
    "http/protobuf": ("otel_mcp_audit.sinks.otlp_http", "HttpClient"),
}
"""Loaded at the first write, which delivery's thread does: each costs over 100 ms of imports."""


class _Client(Protocol):
    def export(self, records: Sequence[AuditRecord]) -> None: ...
    def close(self) -> None: ...


class OtlpSink:
    """Records as OTLP logs, through the official exporter.

    Compressed with gzip unless a variable says otherwise. Every OTLP server must take gzip; one that never has, and
    refuses, is asked once more without.

    Args:
        target: where to, and how.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._gzip = target.compression in {None, "gzip"}
        self._gzip_on_trial = target.compression is None
        self._client: _Client | None = None

    def write(self, records: Sequence[AuditRecord]) -> None:
        """Send the records in one request; returns where all were acknowledged.

        Raises:
            Refused: a record or the destination is at fault.
            TooLarge: the request was too large.
            Unavailable: not now.
        """
        if self._client is None:
            self._client = self._connect()
        try:
            self._client.export(records)
        except TooLarge:
            raise
        except (Refused, NotUnderstood) as error:
            if not self._gzip_on_trial:
                raise
            self._give_up_gzip()
            raise Unavailable(f"{error.reason} (to gzip; the next request is plain)", after=0) from error
        self._gzip_on_trial = False

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connect(self) -> _Client:
        module, name = _CLIENTS[self.target.protocol]
        client: _Client = getattr(import_module(module), name)(
            self.target, gzip_level=_GZIP_LEVEL if self._gzip else None
        )
        return client

    def _give_up_gzip(self) -> None:
        self._gzip = self._gzip_on_trial = False
        self.close()
