"""A stream as a delivery reads it: with the Resource that its own first line names."""

from pathlib import Path

from msgspec import UNSET, DecodeError

from otel_mcp_audit.delivery import Source
from otel_mcp_audit.journal import Reader, Stream, name_for
from otel_mcp_audit.line import FORMAT_VERSION, Trail, decode_line


def feed(stream: Stream, sink: str) -> Source:
    """What the delivery to ``sink`` reads of a stream that this process writes."""
    source = _source(stream.id, stream.reader(sink), stream.path, sink)
    return source._replace(last=lambda: 0 if stream.head is None else stream.head.seq)


def feed_beside(path: Path, sink: str) -> Source | None:
    """What the delivery to ``sink`` reads of another process's stream; None where that process delivers there itself.

    Raises:
        OSError: the stream cannot be read.
    """
    source = _source(path.name, reader := Reader(path), path, sink)
    trail = _trail(reader)
    return None if trail is None or sink in (trail.sinks or ()) else source


def _source(stream_id: str, reader: Reader, path: Path | None, sink: str) -> Source:
    """In memory there is neither cursor nor quarantine file."""
    name, trail = name_for(sink), _trail(reader)
    resource = () if trail is None else trail.resource or ()
    return Source(
        stream_id=stream_id,
        reader=reader,
        cursor_path=path and path / f"{name}.cursor",
        quarantine_path=path and path / f"{name}.quarantine.jsonl",
        resource={item.name: item.value for item in resource},
        sink=sink,
    )


def _trail(reader: Reader) -> Trail | None:
    """What the stream's first line says of all of it; None where it cannot be read."""
    try:
        line = decode_line(reader.first_line() or b"")
    except (DecodeError, UnicodeDecodeError):
        return None
    return None if line.event.trail is UNSET or line.chain.v != FORMAT_VERSION else line.event.trail
