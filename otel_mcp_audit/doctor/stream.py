"""A stream as its own files tell of it, read from outside, beside a running server."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import UNSET, DecodeError, UnsetType

from otel_mcp_audit.journal import Reader, cursor, ending
from otel_mcp_audit.journal.holder import holder
from otel_mcp_audit.journal.listing import stream_folders
from otel_mcp_audit.line import Trail, decode_line

State = Literal["alive", "adopted", "ended", "killed", "unseen"]
"""``adopted``: another process finishes it; ``unseen``: whether its process lives cannot be told from here."""


class SeenStream(NamedTuple):
    """A stream.

    Attributes:
        path: its folder.
        state: whether somebody writes it.
        holder: the process that does; None where nobody is seen.
        trail: what its first line says of all of it; empty where that cannot be read.
        started: time of its first line, RFC 3339; empty likewise.
        last_seq: sequence number of its last record; 0 likewise.
    """

    path: Path
    state: State
    holder: int | None
    trail: Trail
    started: str
    last_seq: int

    @property
    def sinks(self) -> list[str]:
        """The sinks that its own process delivers to."""
        return _listed(self.trail.sinks)

    @property
    def problems(self) -> list[str]:
        """What its process could not read of its settings."""
        return _listed(self.trail.problems)

    @property
    def service(self) -> str:
        """The service's name."""
        resource = self.trail.resource or ()
        return next((item.value for item in resource if item.name == "service.name"), "unknown_service")

    def cursor(self, sink: str) -> cursor.Cursor:
        """How far a sink has taken it."""
        return cursor.load(self.path / f"{cursor.name_for(sink)}{cursor.SUFFIX}")[0]


def _listed(given: list[str] | UnsetType) -> list[str]:
    return [] if given is UNSET else given


def see_all(root: Path) -> Sequence[SeenStream]:
    """The streams of a journal, those changed last first."""
    return [_see(path) for _, path in reversed(stream_folders(root))]


def _see(path: Path) -> SeenStream:
    trail, started = _first(path)
    try:
        last = ending.last_of_stream(path)
    except OSError:
        last = None
    held, seen = _held(path)
    stopped = last is not None and last.stops
    state: State = "ended" if stopped else "killed" if seen else "unseen"
    if held is not None:
        state = "alive" if held == trail.pid else "adopted"
    return SeenStream(path, state, held, trail, started, last.chain.seq if last is not None else 0)


def _first(path: Path) -> tuple[Trail, str]:
    try:
        event = decode_line(Reader(path).first_line() or b"").event
    except (OSError, DecodeError, UnicodeDecodeError):
        return Trail(), ""
    return (Trail() if event.trail is UNSET else event.trail), event.timestamp


def _held(path: Path) -> tuple[int | None, bool]:
    """The process that holds the lock, and whether it could be seen."""
    try:
        return holder(path), True
    except OSError:
        return None, False
