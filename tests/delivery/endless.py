"""A process that delivers a stream to an OTLP endpoint until it is killed: ``python -m tests.delivery.endless STREAM``.

The endpoint and protocol come from the standard variables. It prints a line at the first acknowledgement, and another
when nothing is pending any more.
"""

import os
import sys
import threading
from pathlib import Path

from otel_mcp_audit.delivery import Delivery, Pace, Source
from otel_mcp_audit.journal import Reader
from otel_mcp_audit.sinks import resolve


def main(folder: Path) -> None:
    """Deliver all of one stream."""
    ((name, sink),) = resolve("otlp", os.environ)
    delivery = Delivery(name, sink, Pace(linger=0.01, pause=0.05, longest_pause=0.2))
    reader = Reader(folder)
    cursor, quarantine = folder / "sink.cursor", folder / "sink.quarantine.jsonl"
    delivery.add(Source(folder.name, reader, cursor, quarantine, {"service.name": "records"}))
    delivery.wake()
    while delivery.progress().pending and not delivery.progress().delivered:
        delivery.flush(0.05)
    print("begun", flush=True)
    while not delivery.flush(5):
        continue
    print("done", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
