"""Bodies to keep, and what a stream's files hold, read without the code under test."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import rfc8785

from otel_mcp_audit.journal import BEGINNING, Cursor, Lock, Origin, Position, Reader, Stream, find, name_for
from otel_mcp_audit.journal.home import Home
from otel_mcp_audit.line import Body, Event, NameValue, Request, Response, Trail, User, decode_line, encode_body

TIME = "2026-11-24T10:30:00.000000Z"
HOST, BOOT, SERVICE, SINKS = "host-1", "boot-1", "records", ["otlp"]


def body(call_id: str, event_type: str = "tool_call", *, pad: int = 0, trail: Trail | None = None) -> bytes:
    """An encoded body; ``pad`` makes it longer by so many bytes."""
    event = Event(
        action="EXECUTE",
        event_type=event_type,
        id=call_id,
        request=Request(),
        response=Response(outcome="success"),
        timestamp=TIME,
        tool="t" * pad,
        user=User(),
    )
    if trail is not None:
        event.trail = trail
    return encode_body(Body(event=event))


def header(
    host: str = HOST, boot: str = BOOT, service: str = SERVICE, sinks: list[str] | None = None, call_id: str = "start"
) -> bytes:
    """The body of a stream's first line."""
    resource = [NameValue("service.name", service)]
    trail = Trail(host=host, boot_id=boot, resource=resource, sinks=SINKS if sinks is None else sinks)
    return body(call_id, "audit_start", trail=trail)


def stop(stream: Stream) -> None:
    """End a stream as its owner does."""
    stream.append(body("stop", "audit_stop"))
    stream.close()


def folder_of(stream: Stream) -> Path:
    """The folder of a stream that has one."""
    assert stream.path is not None
    return stream.path


def file_lines(folder: Path) -> list[bytes]:
    """Every line of a stream's segments in name order, by plain reading; torn tails are left out."""
    return [line for path in segment_files(folder) for line in path.read_bytes().split(b"\n")[:-1]]


def segment_files(folder: Path) -> list[Path]:
    """A stream's segments in name order."""
    return sorted(folder.glob("[0-9]*[0-9].jsonl"))


def every(reader: Reader, position: Position = BEGINNING, *, records: int = 7, limit: int = 4096) -> list[bytes]:
    """All lines that a reader gives, taken in small helpings."""
    return [line for line, _ in walk(reader, position, records=records, limit=limit)]


def walk(
    reader: Reader, position: Position = BEGINNING, *, records: int = 7, limit: int = 4096
) -> Iterator[tuple[bytes, Position]]:
    """All lines with the positions after them."""
    while batch := reader.read(position, records=records, limit=limit):
        yield from batch
        position = batch[-1][1]


def sequence(lines: list[bytes]) -> list[int]:
    """The lines' numbers."""
    return [decode_line(line).chain.seq for line in lines]


def ids(lines: list[bytes]) -> list[str]:
    """The lines' event ids."""
    return [decode_line(line).event.id for line in lines]


def assert_chain(lines: list[bytes], stream_id: str, *, canonical: int = 300) -> None:
    """Each line carries its own hash, and follows the one before it; the first ones are canonical by RFC 8785 too."""
    previous = "0" * 64
    for seq, line in enumerate(lines, 1):
        document = json.loads(line)
        if seq <= canonical:
            assert rfc8785.dumps(document) == line
        sealed = document.pop("seal")
        assert hashlib.sha256(line[: line.rindex(b',"seal":')] + b"}").hexdigest() == sealed["hash"]
        assert document["chain"] == {"prev": previous, "seq": seq, "stream": stream_id, "v": 1}
        previous = sealed["hash"]


def crash(stream: Stream) -> None:
    """What ``kill -9`` leaves: the files as they are, nothing tidied, the lock free."""
    store = stream._store  # pyright: ignore[reportPrivateUsage] -- a crash asks nobody
    assert isinstance(store, Home)
    store.files.segment.close()
    store.files.starts.close()
    store.files.lock.release()


def reopened(folder: Path, *, segment_bytes: int = 8 * 1024 * 1024) -> Stream:
    """A stream adopted by its path."""
    lock = Lock(folder)
    assert lock.take()
    return Stream.reopen(folder, lock, segment_bytes=segment_bytes)


def left(root: Path, first: bytes | None = None, end: Callable[[Stream], None] = crash) -> Path:
    """A stream whose owner is gone."""
    stream = Stream.create(root)
    stream.append(first or header())
    end(stream)
    assert stream.path is not None
    return stream.path


def delivered(folder: Path, sink: str = "otlp") -> None:
    """The sink has taken all of it."""
    last = segment_files(folder)[-1]
    Cursor(segment=int(last.stem), offset=last.stat().st_size).save(folder / f"{name_for(sink)}.cursor")


def age(folder: Path, seconds: float) -> None:
    """Nothing has changed in it for so long."""
    for path in (*folder.iterdir(), folder):
        status = path.stat()
        os.utime(path, (status.st_atime - seconds, status.st_mtime - seconds))


HERE = Origin(HOST, BOOT, SERVICE, SINKS)


def found(root: Path, origin: Origin = HERE, report: Callable[[str], None] = lambda _: None) -> list[str]:
    """Names of the streams that may be adopted."""
    return [orphan.path.name for orphan in find(root, origin, report)]
