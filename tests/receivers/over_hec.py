"""A receiver that speaks as a Splunk HTTP Event Collector does, and refuses when told to."""

import gzip
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.receivers.behaviour import Behaviour, Reply
from tests.receivers.receiver import Receiver

_DECODER: Final = json.JSONDecoder()
_BETWEEN: Final = re.compile(r"\s*")


class HecReceiver(Receiver):
    """Listens on loopback while it is entered.

    Args:
        port: 0 takes a free one.
        store: file to append to; None makes one.
        behaviour: what it answers.

    Attributes:
        tokens: the ``Authorization`` headers seen.
    """

    scheme = "http"

    def __init__(self, port: int = 0, *, store: Path | None = None, behaviour: Behaviour | None = None) -> None:
        super().__init__(store, behaviour)
        self.tokens: set[str] = set()
        receiver = self

        class Handler(_Handler):
            owner = receiver

        self._server = _Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]

    @property
    def url(self) -> str:
        """For ``SPLUNK_HEC_URL``."""
        return f"{self.endpoint}/services/collector"

    def __enter__(self) -> "HecReceiver":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    owner: HecReceiver
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        """Nothing."""

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        self.owner.tokens.add(self.headers["Authorization"])
        self._reply(self.owner.decide(len(data), [_record(event) for event in _events(data.decode())]))

    def _reply(self, reply: Reply) -> None:
        if reply.hang:
            self.close_connection = True
            return
        body = json.dumps({"text": reply.text or "Success", "code": 0 if reply.http == 200 else 9}).encode()
        self.send_response(reply.http)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **reply.headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _events(text: str) -> Iterator[dict[str, Any]]:
    """The events of a request: JSON objects one after another."""
    start = 0
    while start < len(text):
        event, end = _DECODER.raw_decode(text, start)
        yield event
        between = _BETWEEN.match(text, end)
        start = between.end() if between else end


def _record(event: dict[str, Any]) -> dict[str, Any]:
    """In the shape of the other receivers' records."""
    about = {name: event.get(name) for name in ("index", "source", "sourcetype", "host", "time")}
    return {"signal": "logs", "body": event["event"], "attributes": event["fields"], "resource": about}
