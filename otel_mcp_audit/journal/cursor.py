"""How far one sink has taken a stream: moved only on a true acknowledgement."""

import hashlib
import re
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from otel_mcp_audit.journal import disk

SUFFIX: Final = ".cursor"

_LIMIT: Final = 64 * 1024
"""Bytes of a cursor file; ours are a few hundred."""
_LARGEST: Final = 2**53
_NAME_LENGTH: Final = 64
_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SECRET: Final = re.compile(r"pass|pwd|secret|token|key|auth|sig|cred", re.IGNORECASE)


class Position(NamedTuple):
    """A place in a stream: the segment's first sequence number, and a byte offset in it."""

    segment: int
    offset: int


BEGINNING: Final = Position(0, 0)


class Cursor(Struct, kw_only=True):
    """Where a sink stands in one stream, and how it has fared. No credentials are in it.

    Attributes:
        segment: first sequence number of the segment it stands in; 0 is the beginning.
        offset: bytes of that segment that were acknowledged.
        seq: sequence number of the last record that was acknowledged or set aside.
        last_ok: time of the last acknowledgement, RFC 3339.
        last_error: what went wrong last, and is not mended.
        answer: the destination's last answer, in short.
        retry_at: time of the next attempt, RFC 3339.
        quarantined: records that were set aside.
    """

    segment: int = 0
    offset: int = 0
    seq: int = 0
    last_ok: str | None = None
    last_error: str | None = None
    answer: str | None = None
    retry_at: str | None = None
    quarantined: int = 0

    @property
    def position(self) -> Position:
        """The place of the next record."""
        return Position(self.segment, self.offset)

    def save(self, path: Path) -> None:
        """Write it atomically, with mode 0600.

        Raises:
            OSError: the file is as it was.
        """
        disk.save(path, msgspec.json.encode(self))


_decode = msgspec.json.Decoder(Cursor).decode


def load(path: Path) -> tuple[Cursor, str | None]:
    """The cursor in a file; where it cannot be used, one at the beginning and the problem in words.

    A cursor that is not there is a new sink, and no problem.
    """
    try:
        cursor = _decode(disk.load(path, _LIMIT))
    except FileNotFoundError:
        return Cursor(), None
    except OSError as error:
        return Cursor(), f"cursor {path.name} cannot be read ({error}): all is delivered again"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Cursor(), f"cursor {path.name} is corrupt ({error}): all is delivered again"
    if not all(0 <= n < _LARGEST for n in (cursor.segment, cursor.offset, cursor.seq, cursor.quarantined)):
        return Cursor(), f"cursor {path.name} is out of range: all is delivered again"
    return cursor, None


def all_of(folder: Path) -> list[Cursor]:
    """The cursors in a stream's folder; one that cannot be used stands at the beginning.

    Raises:
        OSError: the folder cannot be read.
    """
    return [load(folder / name)[0] for name in disk.names(folder) if name.endswith(SUFFIX)]


def least(folder: Path) -> Position | None:
    """The position that every cursor of a stream's folder has reached; None where there is no cursor.

    Raises:
        OSError: the folder cannot be read.
    """
    return min((cursor.position for cursor in all_of(folder)), default=None)


def name_for(sink: str) -> str:
    """A file name's beginning for a sink's text, without user name and password; two sinks never share one."""
    text = _without_credentials(sink)
    if text == sink and len(text) <= _NAME_LENGTH and _PLAIN.fullmatch(text):
        return text
    readable = re.sub(r"[^A-Za-z0-9._]+", "-", text.partition("?")[0]).strip("-.")[:_NAME_LENGTH]
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{readable or 'sink'}-{digest}"


def _without_credentials(sink: str) -> str:
    try:
        parts = urlsplit(sink)
    except ValueError:
        return re.sub(r"//[^/]*@", "//", sink)
    if not parts.netloc and not parts.query:
        return sink
    query = urlencode([pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _SECRET.search(pair[0])])
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))
