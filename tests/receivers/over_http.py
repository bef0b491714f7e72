"""An OTLP/HTTP receiver (protobuf; plain, gzip or deflate) for logs, traces and metrics."""

import gzip
import ssl
import threading
import zlib
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.receivers import store
from tests.receivers.behaviour import Behaviour, Reply
from tests.receivers.receiver import Receiver

_UNPACK: dict[str | None, Callable[[bytes], bytes]] = {None: bytes, "gzip": gzip.decompress, "deflate": zlib.decompress}


class HttpReceiver(Receiver):
    """Listens on loopback while it is entered.

    Args:
        port: 0 takes a free one.
        store: file to append to; None makes one.
        behaviour: what it answers to logs.
        tls: a server's context; None is plain.

    Attributes:
        headers: of the newest request of logs, names in lower case.
    """

    scheme = "http"

    def __init__(
        self,
        port: int = 0,
        *,
        store: Path | None = None,
        behaviour: Behaviour | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(store, behaviour)
        self.headers: Mapping[str, str] = {}
        receiver = self

        class Handler(_Handler):
            owner = receiver

        self._server = _Server(("127.0.0.1", port), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]

    def __enter__(self) -> "HttpReceiver":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    owner: HttpReceiver
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one piece, as from a real server.
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        """Nothing."""

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        data = _UNPACK[self.headers.get("Content-Encoding")](data)
        # A whole URL where we are somebody's proxy.
        path = urlsplit(self.path).path
        if path == "/v1/logs":
            self.owner.headers = {name.lower(): value for name, value in self.headers.items()}
            self._reply(self.owner.decide(len(data), store.logs(ExportLogsServiceRequest.FromString(data))))
        elif path == "/v1/traces":
            self.owner.store.add(store.spans(ExportTraceServiceRequest.FromString(data)))
            self._reply(Reply())
        elif path == "/v1/metrics":
            self.owner.store.add(store.metrics(ExportMetricsServiceRequest.FromString(data)))
            self._reply(Reply())
        else:
            self._reply(Reply(http=404))

    def _reply(self, reply: Reply) -> None:
        if reply.hang:
            self.close_connection = True
            return
        body, kind = reply.text.encode(), "text/plain"
        if reply.garbage is not None:
            body = reply.garbage
        elif reply.http == 200:
            response = ExportLogsServiceResponse()
            if reply.rejected:
                response.partial_success.rejected_log_records = reply.rejected
                response.partial_success.error_message = reply.text
            body, kind = response.SerializeToString(), "application/x-protobuf"
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **reply.headers}
        if reply.without_length:
            del headers["Content-Length"]
        self.send_response(reply.http)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
