"""How a stream describes itself in its first line."""

from pathlib import Path
from typing import Final, NamedTuple

from msgspec import UNSET, DecodeError

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal.listing import stream_folders
from otel_mcp_audit.journal.reader import Reader
from otel_mcp_audit.line import FORMAT_VERSION, Trail, decode_line

_SERVICE: Final = "service.name"

_LOOKED_AT: Final = 50
"""Streams that are looked at for the one that began last: of those in which something changed last."""


class Beginning(NamedTuple):
    """A stream, when it began (UTC, as in the record), and what its first line says of all of it."""

    stream: str
    timestamp: str
    trail: Trail

    @property
    def service(self) -> str:
        """``service.name`` of its Resource; empty where it has none."""
        return next((item.value for item in self.trail.resource or () if item.name == _SERVICE), "")


def beginning(path: Path) -> Beginning | None:
    """The first line of a stream; None while it has none.

    Raises:
        JournalError: it cannot be understood, or does not say where it comes from.
        OSError: it cannot be read.
    """
    line = Reader(path).first_line()
    if line is None:
        return None
    try:
        first = decode_line(line)
    except (DecodeError, UnicodeDecodeError) as error:
        raise JournalError(f"its first line cannot be read ({error})") from error
    if first.event.trail is UNSET or first.chain.v != FORMAT_VERSION:
        raise JournalError("its first line does not say where it comes from")
    return Beginning(path.name, first.event.timestamp, first.event.trail)


def latest(root: Path, service: str) -> Beginning | None:
    """The stream of a service that began last, by its own clock, whether it has ended or not; None where there is none.

    Args:
        root: the journal's folder.
        service: ``service.name``.
    """
    found = [_sound(path) for _, path in stream_folders(root)[-_LOOKED_AT:]]
    mine = [each for each in found if each is not None and each.service == service]
    return max(mine, key=lambda each: each.timestamp, default=None)


def _sound(path: Path) -> Beginning | None:
    try:
        return beginning(path)
    except (JournalError, OSError):  # what is damaged is named by who adopts it, and by ``verify``
        return None
