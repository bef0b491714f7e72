"""Records as the bytes of an OTLP ``ExportLogsServiceRequest``.

The SDK's encoder builds a message object for each of a record's attributes, which costs more CPU than all the rest of
a delivery. The messages that we need are few and their fields are fixed by OTLP 1.x, so they are written as bytes;
tests hold every one against the official encoder. Field numbers: ``opentelemetry/proto/logs/v1/logs.proto``.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from otel_mcp_audit.projection import Attribute, Projection, project
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.semconv import SCOPE
from otel_mcp_audit.sinks.otlp_verdict import ENCODING, unencodable

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2

_SHORT: Final = 126
"""Bytes of a text below which its own length and that of the message around it take one byte each."""

_MASK64: Final = (1 << 64) - 1


def encoded(records: Sequence[AuditRecord]) -> bytes:
    """The request that carries the records, grouped by the Resource of the stream that each comes from.

    Raises:
        Refused: a line that cannot be projected or encoded.
    """
    try:
        return _request(records)
    except ENCODING as error:
        raise unencodable(error) from error


def _request(records: Sequence[AuditRecord]) -> bytes:
    groups: dict[tuple[tuple[str, str], ...], list[bytes]] = {}
    for record in records:
        groups.setdefault(tuple(record.resource.items()), []).append(_bytes(2, _log_record(record)))
    return b"".join(_bytes(1, _resource_logs(dict(resource), logs)) for resource, logs in groups.items())


def _resource_logs(resource: Mapping[str, str], logs: list[bytes]) -> bytes:
    return _bytes(1, _attributes(1, resource)) + _bytes(2, _SCOPE + b"".join(logs))


def _log_record(record: AuditRecord) -> bytes:
    projection = project(record)
    # The record is written when the call ends: that is when it was observed.
    observed_ns = projection.timestamp_ns + (record.response.duration_us or 0) * 1000
    return b"".join(
        (
            _fixed64(1, projection.timestamp_ns),
            _tag(2, _VARINT),
            _varint(projection.severity.number),
            _string(3, projection.severity.text),
            _bytes(5, _string(1, projection.body)),
            _attributes(6, projection.attributes),
            _span(projection),
            _fixed64(11, observed_ns),
            _string(12, projection.event_name),
        )
    )


def _span(projection: Projection) -> bytes:
    if not projection.trace_id:
        return b""
    return _bytes(9, projection.trace_id.to_bytes(16)) + _bytes(10, projection.span_id.to_bytes(8))


def _attributes(number: int, attributes: Mapping[str, Attribute]) -> bytes:
    return b"".join(
        [
            _told_before(number, name, value) if type(value) is str else _attribute(number, name, value)
            for name, value in attributes.items()
        ]
    )


def _attribute(number: int, name: str, value: Attribute) -> bytes:
    return _bytes(number, _key(name) + _any(value))


@lru_cache(maxsize=4096)
def _told_before(number: int, name: str, value: str) -> bytes:
    """Most attributes of a record are those of the one before."""
    return _attribute(number, name, value)


def _any(value: Attribute) -> bytes:
    """Field 2 of a ``KeyValue``. Nearly all are short texts, whose lengths are single bytes."""
    if isinstance(value, str):
        text = value.encode()
        if len(text) < _SHORT:
            return b"\x12%c\x0a%c%b" % (len(text) + 2, len(text), text)
    return _bytes(2, _value(value))


def _value(value: Attribute) -> bytes:
    """An ``AnyValue``; a truth value is asked for before a number, which it is too in Python."""
    if isinstance(value, str):
        return _string(1, value)
    if isinstance(value, bool):
        return _tag(2, _VARINT) + _varint(value)
    if isinstance(value, int):
        return _tag(3, _VARINT) + _varint(value & _MASK64)
    if isinstance(value, float):
        return _tag(4, _FIXED64) + struct.pack("<d", value)
    return _bytes(5, b"".join(_bytes(1, _value(item)) for item in value))


@lru_cache(maxsize=256)
def _key(name: str) -> bytes:
    return _string(1, name)


def _string(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())


def _bytes(number: int, value: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(value)) + value


def _fixed64(number: int, value: int) -> bytes:
    return _tag(number, _FIXED64) + struct.pack("<Q", value)


@lru_cache(maxsize=64)
def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


_SMALL: Final = [bytes([value]) for value in range(0x80)]


def _varint(value: int) -> bytes:
    if value < 0x80:  # noqa: PLR2004 -- seven bits to a byte
        return _SMALL[value]
    written = bytearray()
    while value >= 0x80:  # noqa: PLR2004 -- same
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


_SCOPE: Final = _bytes(1, _string(1, SCOPE))
