"""What both receivers have in common: a store, a behaviour, and the requests they saw."""

import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any

from tests.receivers.behaviour import Behaviour, Reply, Request, ok
from tests.receivers.store import Store


class Receiver:
    """Stores what it takes and keeps what it was asked.

    Args:
        store: file to append to; None makes one.
        behaviour: what it answers to logs; may be changed at any time by ``behave``.

    Attributes:
        requests: the requests of logs so far, taken or not.
    """

    scheme = ""
    port = 0

    def __init__(self, store: Path | None = None, behaviour: Behaviour | None = None) -> None:
        if store is None:
            folder = tempfile.mkdtemp(prefix="receiver-")
            # Not at the exit of the receiver: what it holds may be looked at afterwards.
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            store = Path(folder) / "received.jsonl"
        self.store = Store(store)
        self.requests: list[Request] = []
        self._behaviour = behaviour or ok()
        self._asked = threading.Condition()
        self._closing = threading.Event()

    @property
    def endpoint(self) -> str:
        """Base URL, for ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """For ``OTEL_MCP_AUDIT_SINKS``."""
        return f"otlp+{self.scheme}://127.0.0.1:{self.port}"

    def behave(self, behaviour: Behaviour) -> None:
        """Answer like this from now on."""
        self._behaviour = behaviour

    def records(self) -> list[dict[str, Any]]:
        """The log records it holds, in the order they came."""
        return self.store.of("logs")

    def spans(self) -> list[dict[str, Any]]:
        """The spans it holds."""
        return self.store.of("traces")

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics it holds."""
        return self.store.of("metrics")

    def wait_for_requests(self, count: int, timeout: float = 20.0) -> None:
        """Wait until so many requests of logs have come; a failed assertion where they do not."""
        with self._asked:
            assert self._asked.wait_for(lambda: len(self.requests) >= count, timeout), f"{len(self.requests)} requests"

    def decide(self, size: int, records: list[dict[str, Any]]) -> Reply:
        """Note a request, and store its records if the behaviour says so; hangs here until the receiver closes."""
        with self._asked:
            request = Request(size, records, len(self.requests))
            self.requests.append(request)
            reply = self._behaviour(request)
            if reply.store:
                self.store.add(records if reply.store is True else reply.store)
            self._asked.notify_all()
        if reply.hang:
            self._closing.wait(60)
        return reply

    def close(self) -> None:
        """Let hanging requests go, and close the store."""
        self._closing.set()
        self.store.close()
