"""An OTLP/gRPC receiver for logs, traces and metrics."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.receivers import store
from tests.receivers.behaviour import Behaviour, Reply
from tests.receivers.receiver import Receiver

_COLLECTOR = "opentelemetry.proto.collector"


class GrpcReceiver(Receiver):
    """Listens on loopback while it is entered.

    Args:
        port: 0 takes a free one.
        store: file to append to; None makes one.
        behaviour: what it answers to logs.
        credentials: TLS; None is plain.

    Attributes:
        metadata: of the newest request of logs.
    """

    scheme = "grpc"

    def __init__(
        self,
        port: int = 0,
        *,
        store: Path | None = None,
        behaviour: Behaviour | None = None,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        super().__init__(store, behaviour)
        self.metadata: dict[str, str | bytes] = {}
        # 16 MiB as a Collector of ours takes; limits are for behaviours to make.
        options = [("grpc.max_receive_message_length", 16 * 1024 * 1024), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(8), options=options)
        self._server.add_generic_rpc_handlers([self._service("logs", "Logs", self._logs)])
        self._server.add_generic_rpc_handlers([self._service("trace", "Trace", self._traces)])
        self._server.add_generic_rpc_handlers([self._service("metrics", "Metrics", self._metrics)])
        address = f"127.0.0.1:{port}"
        if credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, credentials)
        assert self.port, f"port {port} is taken"

    def __enter__(self) -> "GrpcReceiver":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.stop(0).wait(5)
        self.close()

    @staticmethod
    def _service(package: str, name: str, export: Any) -> grpc.GenericRpcHandler:
        """Bytes in, bytes out: what is no OTLP can be answered too."""
        make: Any = grpc.unary_unary_rpc_method_handler
        service = f"{_COLLECTOR}.{package}.v1.{name}Service"
        return grpc.method_handlers_generic_handler(service, {"Export": make(export)})

    def _logs(self, data: bytes, context: Any) -> bytes:
        self.metadata = {pair.key: pair.value for pair in context.invocation_metadata()}
        reply = self.decide(len(data), store.logs(ExportLogsServiceRequest.FromString(data)))
        if reply.garbage is not None:
            return reply.garbage
        if reply.grpc != "OK":
            _fail(context, reply)
        response = ExportLogsServiceResponse()
        if reply.rejected:
            response.partial_success.rejected_log_records = reply.rejected
            response.partial_success.error_message = reply.text
        return response.SerializeToString()

    def _traces(self, data: bytes, _context: Any) -> bytes:
        self.store.add(store.spans(ExportTraceServiceRequest.FromString(data)))
        return ExportTraceServiceResponse().SerializeToString()

    def _metrics(self, data: bytes, _context: Any) -> bytes:
        self.store.add(store.metrics(ExportMetricsServiceRequest.FromString(data)))
        return ExportMetricsServiceResponse().SerializeToString()


def _fail(context: Any, reply: Reply) -> None:
    """Abort with the status, and where a wait is asked for with the details that a Collector sends."""
    code = grpc.StatusCode[reply.grpc]
    if reply.retry_after is not None:
        info = RetryInfo()
        info.retry_delay.FromMilliseconds(int(reply.retry_after * 1000))
        status = Status(code=code.value[0], message=reply.text)
        status.details.add().Pack(info)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, reply.text)
