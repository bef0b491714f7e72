"""Stands for a SIEM: takes events as a Splunk HTTP Event Collector does, and keeps each as a line of a file."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final, Self

from otel_mcp_audit.record import AuditRecord

_DECODER: Final = json.JSONDecoder()
_TAKEN: Final = b'{"text":"Success","code":0}'


class Siem:
    """Listens on loopback while it is entered.

    Args:
        file: is made; what arrives is appended.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        file.touch()

        class Handler(Intake):
            kept = file

        self._server = HTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """For ``SPLUNK_HEC_URL``."""
        return f"http://127.0.0.1:{self._server.server_port}/services/collector"

    def records(self) -> list[AuditRecord]:
        """What has arrived, in its order, with duplicates."""
        lines = self.file.read_text(encoding="utf-8").split("\n")[:-1]
        return [AuditRecord(json.loads(line)["event"].encode()) for line in lines]


class Intake(BaseHTTPRequestHandler):
    """One connection.

    Attributes:
        kept: file that events are appended to.
    """

    kept: Path
    timeout = 10  # seconds of silence: one connection is served at a time

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        """Nothing: standard error is the demonstration's."""

    def do_POST(self) -> None:
        """Store, then answer."""
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        with self.kept.open("a", encoding="utf-8") as kept:
            kept.writelines(f"{json.dumps(event)}\n" for event in _events(data.decode()))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(_TAKEN)))
        self.end_headers()
        self.wfile.write(_TAKEN)


def _events(text: str) -> Iterator[Any]:
    """JSON objects one after another, whatever space there is between them."""
    text = text.strip()
    while text:
        event, end = _DECODER.raw_decode(text)
        yield event
        text = text[end:].lstrip()
