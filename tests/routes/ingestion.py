"""Stands for Azure Monitor's ingestion on loopback: takes ``/v2.1/track`` and keeps the messages."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Ingestion:
    """Listens while it is entered.

    Attributes:
        messages: the texts of the log messages that were taken.
    """

    def __init__(self) -> None:
        self.messages: list[str] = []
        owner = self

        class Handler(_Handler):
            messages = owner.messages

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Ingestion":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    messages: list[str]

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        items = json.loads(gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data)
        base: list[dict[str, Any]] = [item["data"]["baseData"] for item in items]
        self.messages += [str(each["message"]) for each in base if "message" in each]
        answer = json.dumps({"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        """Nothing."""
