"""What the Collector's files hold, read with nothing of the product's own code."""

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_REQUEST: Final = re.compile(rb'(?=\{"resource(?:Logs|Spans)":)')
"""Where a request begins, also in the middle of a line: a kill may have glued it on. Cannot stand in a JSON string."""

_GROUPS: Final = {"resourceLogs": ("scopeLogs", "logRecords"), "resourceSpans": ("scopeSpans", "spans")}


def requests(folder: Path, pattern: str) -> Iterator[Mapping[str, Any] | None]:
    """Every request in the files that match; None for a torn one."""
    for file in sorted(folder.glob(pattern)):
        for piece in _REQUEST.split(_content(file)):
            if piece.strip():
                yield _decoded(piece)


def held(folder: Path, pattern: str) -> list[dict[str, Any]]:
    """Every record or span in the files that match, in the shape of ``tests.receivers``."""
    return [item for request in requests(folder, pattern) if request for item in _items(request)]


def torn(folder: Path, pattern: str) -> int:
    """How many pieces are no whole request."""
    return sum(request is None for request in requests(folder, pattern))


def records(folder: Path) -> list[dict[str, Any]]:
    """The audit archive's records, rotated files too."""
    return held(folder, "mcp-audit*.jsonl")


def _content(file: Path) -> bytes:
    content = file.read_bytes()
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def _decoded(piece: bytes) -> Mapping[str, Any] | None:
    try:
        return json.loads(piece)
    except ValueError:
        return None


def _items(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for outer, (scopes, items) in _GROUPS.items():
        for part in request.get(outer, ()):
            for scope in part[scopes]:
                for item in scope[items]:
                    yield _item(part, scope, item)


def _item(part: Mapping[str, Any], scope: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "body": _value(item.get("body", {})),
        "name": item.get("name"),
        "event_name": item.get("eventName", ""),
        "attributes": _pairs(item.get("attributes", ())),
        "resource": _pairs(part["resource"].get("attributes", ())),
        "scope": scope["scope"].get("name", ""),
        "trace_id": item.get("traceId", ""),
        "span_id": item.get("spanId", ""),
        "timestamp": int(item.get("timeUnixNano", 0)),
    }


def _pairs(attributes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in attributes}


def _value(any_value: Mapping[str, Any]) -> Any:
    """An AnyValue as a JSON value: in OTLP JSON an integer is a string."""
    for kind, value in any_value.items():
        if kind == "intValue":
            return int(value)
        if kind == "arrayValue":
            return [_value(item) for item in value.get("values", ())]
        return _pairs(value.get("values", ())) if kind == "kvlistValue" else value
    return None
