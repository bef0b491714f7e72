"""Delivers what the streams of a folder still hold, in place of servers that no longer can."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from otel_mcp_audit import faults, journal
from otel_mcp_audit.adoption import settle
from otel_mcp_audit.delivery import Delivery
from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.feed import feed, feed_beside
from otel_mcp_audit.journal import Cursor, Origin, Orphan, Reader, Stream
from otel_mcp_audit.journal.ending import finished
from otel_mcp_audit.journal.listing import stream_folders
from otel_mcp_audit.sinks import Named

POLL_S: Final = 0.1
"""Seconds between two looks at what has moved."""

Progress = Callable[[int, int], None]
"""Told of the bytes that are settled and those that are waiting."""


class Shipped(NamedTuple):
    """How it went: records of every type, added up over the sinks."""

    delivered: int
    pending: int
    quarantined: int


def ship(root: Path, sinks: Sequence[Named], timeout: float, progress: Progress = lambda _done, _left: None) -> Shipped:
    """Deliver until nothing is pending, or nothing has moved for ``timeout`` seconds.

    A stream without an owner is adopted first: its open calls become ``unknown``. A living server's stream is read
    beside it, but for the sinks that the server itself delivers to.
    """
    names = [name for name, _ in sinks]
    shipment = Shipment([Delivery(name, sink) for name, sink in sinks])
    for folder in stream_folders(root):
        shipment.take(folder.path, names)
    shipment.run(timeout, progress)
    return shipment.ended(timeout, names)


class Shipment:
    """What is on its way: the streams at hand and a delivery a sink."""

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._deliveries = deliveries
        self._adopted: list[Stream] = []
        self._paths: list[Path] = []

    def take(self, path: Path, names: Sequence[str]) -> None:
        """Take a stream along, unless all of it has arrived."""
        if finished(path, names):
            return
        self._paths.append(path)
        stream = self._adopt(path, names)
        for delivery in self._deliveries:
            source = feed_beside(path, delivery.name) if stream is None else feed(stream, delivery.name)
            if source is not None:
                delivery.add(source)

    def _adopt(self, path: Path, names: Sequence[str]) -> Stream | None:
        """The stream as ours to finish; None where it is not, or cannot be finished: the others are still shipped."""
        orphan = Orphan(path, Origin("", "", "", names))
        stream = orphan.adopt()
        if stream is None:
            if orphan.problem is not None:
                faults.report("finishing a stream", orphan.problem)
            return None
        try:
            settle(stream)
        except JournalError as error:
            faults.report("finishing a stream", error)
            return None
        self._adopted.append(stream)
        return stream

    def run(self, timeout: float, progress: Progress) -> None:
        """Wait while something moves."""
        total = waiting = self._waiting()
        moved_at = time.monotonic()
        for delivery in self._deliveries:
            delivery.wake()
        while waiting and time.monotonic() - moved_at < timeout:
            time.sleep(POLL_S)
            before, waiting = waiting, self._waiting()
            if waiting != before:
                moved_at = time.monotonic()
            progress(total - waiting, waiting)

    def _waiting(self) -> int:
        return sum(delivery.progress().pending for delivery in self._deliveries)

    def ended(self, timeout: float, names: Sequence[str]) -> Shipped:
        """Let go of everything, and count."""
        for delivery in self._deliveries:
            delivery.stop(min(timeout, 1.0))
        fared = [delivery.progress() for delivery in self._deliveries]
        for stream in self._adopted:
            stream.close()
        return Shipped(
            delivered=sum(each.delivered for each in fared),
            pending=sum(_pending(path, name) for path in self._paths for name in names),
            quarantined=sum(each.quarantined for each in fared),
        )


def _pending(path: Path, sink: str) -> int:
    """Records of a stream that a sink has not taken."""
    cursor, _ = journal.load(path / f"{journal.name_for(sink)}.cursor")
    return sum(1 for _ in _after(Reader(path), cursor))


def _after(reader: Reader, cursor: Cursor) -> Iterator[bytes]:
    position = cursor.position
    while lines := reader.read(position, records=1000, limit=1 << 20):
        yield from (line for line, _ in lines)
        position = lines[-1][1]
