"""A real stream with records in it, as a delivery finds it, and sinks that can be told to fail."""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from otel_mcp_audit import clock
from otel_mcp_audit.delivery import Pace, Source
from otel_mcp_audit.journal import Cursor, Stream, load
from otel_mcp_audit.line import Body, Event, Request, Response, User, encode_body
from otel_mcp_audit.record import AuditRecord

QUICK = Pace(linger=0.01, pause=0.02, longest_pause=0.1, save=0.0)
"""For tests that wait for retries."""

PATIENT = Pace(linger=0.01, pause=30.0, longest_pause=60.0, save=0.0)
"""For tests in which no retry may come by itself."""


def body(tool: str = "echo", *, pad: int = 0, event_type: str = "tool_call") -> bytes:
    """An encoded body; ``pad`` makes it longer by so many bytes."""
    ns = clock.now_ns()
    event = Event(
        action="EXECUTE",
        event_type=event_type,
        id=clock.record_id(ns),
        purpose="p" * pad,
        request=Request(method="tools/call", trace_id="a" * 32, span_id="b" * 16),
        response=Response(outcome="success", duration_us=1500),
        timestamp=clock.timestamp(ns),
        tool=tool,
        user=User(id="ü\u2028ser"),
    )
    return encode_body(Body(event=event))


class Trail:
    """A stream that this process writes.

    Args:
        root: journal folder; None for one in memory.
    """

    def __init__(self, root: Path | None, **create: Any) -> None:
        self.stream = Stream.create(root, **create)

    def append(self, count: int = 1, tool: str = "echo", *, pad: int = 0) -> list[str]:
        """Keep so many records; answers their lines."""
        return [self.stream.append(body(tool, pad=pad)).line.decode() for _ in range(count)]

    def source(self, sink: str = "sink", **resource: str) -> Source:
        """As a delivery reads it."""
        path = self.stream.path
        return Source(
            stream_id=self.stream.id,
            reader=self.stream.reader(sink),
            cursor_path=path and path / f"{sink}.cursor",
            quarantine_path=path and path / f"{sink}.quarantine.jsonl",
            resource=resource or {"service.name": "records"},
        )

    def cursor(self, sink: str = "sink") -> Cursor:
        """What the cursor file says."""
        assert self.stream.path is not None
        cursor, problem = load(self.stream.path / f"{sink}.cursor")
        assert problem is None
        return cursor

    def quarantined(self, sink: str = "sink") -> list[dict[str, str]]:
        """What was set aside."""
        assert self.stream.path is not None
        path = self.stream.path / f"{sink}.quarantine.jsonl"
        # Not splitlines: a line may hold U+2028.
        lines = path.read_text("utf-8").split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]


class Recorder:
    """A sink in memory that does what it is told before it takes anything.

    Args:
        judge: called with each batch first; what it raises is the answer.
    """

    def __init__(self, judge: Callable[[Sequence[AuditRecord]], None] = lambda _: None) -> None:
        self.judge = judge
        self.taken: list[str] = []
        self.sizes: list[int] = []
        self.closed = threading.Event()
        self._wrote = threading.Condition()

    def write(self, records: Sequence[AuditRecord]) -> None:
        """Take all or none."""
        with self._wrote:
            self.sizes.append(len(records))
            self._wrote.notify_all()
        self.judge(records)
        with self._wrote:
            self.taken += [each.line.decode() for each in records]
            self._wrote.notify_all()

    def close(self) -> None:
        """Seen by ``closed``."""
        self.closed.set()

    def wait_for(self, *, taken: int = 0, writes: int = 0, line: str = "", timeout: float = 20.0) -> None:
        """Wait until so many records were taken, so many writes were tried, and a line was taken."""

        def fulfilled() -> bool:
            return len(self.taken) >= taken and len(self.sizes) >= writes and (not line or line in self.taken)

        with self._wrote:
            assert self._wrote.wait_for(fulfilled, timeout), (self.sizes, len(self.taken))


def tools(lines: Sequence[str]) -> list[str]:
    """The tools' names of lines."""
    return [json.loads(line)["event"]["tool"] for line in lines]


def unique(lines: Sequence[str]) -> list[str]:
    """Each line once, in the order of first arrival: what a destination keeps that goes by record id."""
    return list(dict.fromkeys(lines))
