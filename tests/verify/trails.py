"""Streams of sealed lines to verify, made with the record and the seal only."""

import io
from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET

from otel_mcp_audit import clock, seal
from otel_mcp_audit.line import Body, Event, Head, Param, Request, Response, Trail, User, decode_line, encode_body
from otel_mcp_audit.verify import Chain, Report, verify
from otel_mcp_audit.verify.scanner import Scanner

STREAM = "0b5c1c8e-6f2f-4f6e-9a53-1f0f5a1d2c3b"
OTHER = "5a8d2f10-0c7b-4a55-8d0e-2b6a3c4d5e6f"
HOSTILE = 'ß\u202e\u001b[31m "q" \\ \u2028 \U0001f512 {"chain":{"prev":"' + "0" * 64 + '","seq":1,"stream":"x","v":1}}'
"""A value that a client may send: quotes, controls, what looks like the beginning of a line."""

_START = 1_795_602_600_000_000_000


def body(
    number: int,
    event_type: str = "tool_call",
    *,
    tenant: str = "acme",
    trail: Trail | None = None,
    value: str = HOSTILE,
    duration_us: int = 150_312,
) -> bytes:
    """An encoded body, its time and id made from ``number``."""
    ns = _START + number * 1_000_000
    event = Event(
        action="EXECUTE",
        event_type=event_type,
        id=f"019a0000-0000-7000-8000-{number:012x}",
        request=Request(id=f"req-{number}", method="tools/call"),
        response=Response(bytes=1_000_000, duration_us=duration_us, outcome="success", result_count=0),
        timestamp=clock.timestamp(ns),
        tool="search",
        trail=UNSET if trail is None else trail,
        user=User(id="alice", tenant_id=tenant),
    )
    params = [Param(bytes=len(value.encode()), name="query", type="string", value=value)]
    return encode_body(Body(event=event, params=params))


def chained(bodies: Sequence[bytes], stream: str = STREAM, *, seq: int = 1, prev: str = seal.GENESIS) -> list[bytes]:
    """The bodies as sealed lines, with line ends."""
    lines: list[bytes] = []
    for number, each in enumerate(bodies, seq):
        line, prev = seal.seal(each, seal.Link(stream, number, prev))
        lines.append(line)
    return lines


def trail(
    count: int,
    stream: str = STREAM,
    *,
    tenants: Sequence[str] = ("acme",),
    heads: Sequence[Head] = (),
    closed: bool = True,
) -> list[bytes]:
    """A stream of ``count`` lines: a header, calls, and an ``audit_stop`` if ``closed``."""
    header = Trail(host="h", heads=list(heads))
    bodies = [body(1, "audit_start", tenant="unassigned", trail=header)]
    bodies += [body(number, tenant=tenants[number % len(tenants)]) for number in range(2, count + 1)]
    if closed:
        bodies[-1] = body(count, "audit_stop", tenant="unassigned", trail=Trail(reason="exit"))
    return chained(bodies, stream)


def head(lines: Sequence[bytes]) -> Head:
    """The head of a stream: what its last line says."""
    last = decode_line(lines[-1])
    return Head(last.seal.hash, last.chain.seq, last.chain.stream)


def pruned(number: int, lines: Sequence[bytes]) -> bytes:
    """The body of a record that declares the removal of these lines."""
    first, last = decode_line(lines[0]).chain, decode_line(lines[-1])
    declared = Trail(
        count=len(lines),
        first_seq=first.seq,
        last_hash=last.seal.hash,
        last_seq=last.chain.seq,
        stream=first.stream,
    )
    return body(number, "audit_prune", trail=declared)


def checked(
    folder: Path, content: bytes | Sequence[bytes], name: str = "copy.jsonl", tenant: str | None = None
) -> Report:
    """Write one file and verify it."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else b"".join(content))
    return verify([path], tenant=tenant)


def scanned(content: bytes, *, segment: bool = False) -> Report:
    """Verify content as it would stand in a file."""
    chain = Chain()
    scanner = Scanner(chain, "content", segment=segment)
    for line in io.BytesIO(content):
        scanner.feed(line)
    scanner.finish()
    return chain.report()


def scanned_segment(content: bytes) -> Report:
    """Verify content as it would stand in a segment of a journal."""
    return scanned(content, segment=True)


def found(report: Report) -> list[tuple[str, int | None]]:
    """Kinds and sequence numbers of a report's findings."""
    return [(finding.kind, finding.seq) for finding in report.findings]


def journal(root: Path, *streams: Sequence[bytes]) -> Path:
    """A journal folder as a writer leaves it: one segment a stream, an unlocked lock file."""
    for lines in streams:
        folder = root / decode_line(lines[0]).chain.stream
        folder.mkdir(parents=True)
        (folder / f"{decode_line(lines[0]).chain.seq:012}.jsonl").write_bytes(b"".join(lines))
        (folder / "lock").touch()
        (folder / "otlp.cursor").write_bytes(b'{"segment":1,"offset":0}')
    return root
