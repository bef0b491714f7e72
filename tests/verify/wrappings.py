"""The forms in which journal lines come back from elsewhere. Each takes lines with their line ends, answers a file."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from typing import Any, cast

Lines = Sequence[bytes]


def texts(lines: Lines) -> list[str]:
    return [line.decode().rstrip("\n") for line in lines]


def otlp_request(lines: Lines) -> bytes:
    """One line of a Collector's archive."""
    records: list[Any] = [
        {
            "timeUnixNano": "1795602600000000000",
            "severityNumber": 9,
            "eventName": "mcp_audit.tool_call",
            "body": {"stringValue": text},
            "attributes": [{"key": "user.id", "value": {"stringValue": "alice"}}],
        }
        for text in texts(lines)
    ]
    scope = {"scope": {"name": "otel_mcp_audit"}, "logRecords": records}
    logs: dict[str, Any] = {"resource": {"attributes": []}, "scopeLogs": [scope]}
    return json.dumps({"resourceLogs": [logs]}, separators=(",", ":")).encode() + b"\n"


def archive(lines: Lines) -> bytes:
    return b"".join(otlp_request(lines[at : at + 2]) for at in range(0, len(lines), 2))


def field(number: int, payload: bytes) -> bytes:
    """A field of a protobuf message: strings, bytes and messages alike."""
    size, length = len(payload), b""
    while size > 0x7F:
        size, length = size >> 7, length + bytes([size & 0x7F | 0x80])
    return bytes([number << 3 | 2]) + length + bytes([size]) + payload


def otlp_protobuf(lines: Lines) -> bytes:
    """A request as ``otlp_proto`` has it."""
    user = field(6, field(1, b"user.id") + field(2, field(1, b"alice")))
    records = [field(2, field(5, field(1, line.rstrip(b"\n"))) + user + field(9, bytes(range(16)))) for line in lines]
    return field(1, field(1, b"") + field(2, field(1, field(1, b"otel_mcp_audit")) + b"".join(records)))


def kafka_dump(lines: Lines) -> bytes:
    """What a console consumer writes: each message as it is, and a line end."""
    return b"".join(otlp_protobuf(lines[at : at + 2]) + b"\n" for at in range(0, len(lines), 2))


def stored_object(lines: Lines) -> bytes:
    """An object of an archive in an object store: one request, gzipped, without a line end."""
    return gzip.compress(otlp_request(lines).rstrip(b"\n"))


def hec_events(lines: Lines) -> bytes:
    """Events as they are posted to an HTTP Event Collector: objects without separator."""
    events = [{"time": 1795602600.5, "event": text, "fields": {"user.id": "alice"}} for text in texts(lines)]
    return b"".join(json.dumps(event).encode() for event in events)


def search_export(lines: Lines) -> bytes:
    rows = [{"preview": False, "result": {"_raw": text, "host": "h"}} for text in texts(lines)]
    return b"".join(json.dumps(row).encode() + b"\n" for row in [*rows, {"preview": False, "lastrow": True}])


def search_export_whole(lines: Lines) -> bytes:
    return json.dumps({"fields": [{"name": "_raw"}], "results": [{"_raw": text} for text in texts(lines)]}).encode()


def indented_export(lines: Lines) -> bytes:
    return json.dumps({"results": [{"_raw": text} for text in texts(lines)]}, indent=2).encode()


def datadog(lines: Lines) -> bytes:
    """Archived events: the line as the message, and once more as what the intake made of it."""
    events = [{"_id": "x", "message": text, "attributes": {"evt": {"name": "tool_call"}}} for text in texts(lines)]
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def strings_in_strings(lines: Lines) -> bytes:
    """A queue's message around an HEC event around the line."""
    events = [json.dumps({"event": text}) for text in texts(lines)]
    return b"".join(json.dumps({"Message": json.dumps({"payload": event})}).encode() + b"\n" for event in events)


def joined_in_one_string(lines: Lines) -> bytes:
    return json.dumps({"values": [["1795602600000000000", b"".join(lines).decode()]]}).encode()


def bulk(lines: Lines) -> bytes:
    """A search engine's dump: an action line before each document."""
    pairs = [({"index": {"_id": str(n)}}, {"line": text}) for n, text in enumerate(texts(lines))]
    return b"".join(json.dumps(part).encode() + b"\n" for pair in pairs for part in pair)


def table_csv(lines: Lines) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "comment", "line"])
    writer.writerows([n, 'two\nlines, "quoted"', text] for n, text in enumerate(texts(lines)))
    return out.getvalue().encode()


def table_csv_semicolons(lines: Lines) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([t, "x"] for t in texts(lines))
    return out.getvalue().encode()


def csv_of_json(lines: Lines) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([json.dumps({"event": text})] for text in texts(lines))
    return out.getvalue().encode()


def table_json(lines: Lines) -> bytes:
    return json.dumps([{"id": n, "line": text} for n, text in enumerate(texts(lines))]).encode()


def syslog(lines: Lines) -> bytes:
    return b"".join(b"<134>1 2026-11-24T10:30:00Z host otel-mcp-audit - - - " + line for line in lines)


def objects(lines: Lines, **how: Any) -> list[str]:
    return [json.dumps(json.loads(line), **how) for line in lines]


def spaced_objects(lines: Lines) -> bytes:
    return "\n".join(objects(lines)).encode()


def raw_unicode_objects(lines: Lines) -> bytes:
    return "\n".join(objects(lines, ensure_ascii=False)).encode()


def indented_objects(lines: Lines) -> bytes:
    return "\n".join(objects(lines, indent=2)).encode()


def backwards(value: Any) -> Any:
    """The value with the keys of every object in reverse order."""
    if isinstance(value, dict):
        return {key: backwards(inner) for key, inner in reversed(cast("dict[str, Any]", value).items())}
    return [backwards(inner) for inner in cast("list[Any]", value)] if isinstance(value, list) else value


def reordered_objects(lines: Lines) -> bytes:
    return "\n".join(json.dumps(backwards(json.loads(line))) for line in lines).encode()


def reordered_and_indented(lines: Lines) -> bytes:
    return "\n".join(json.dumps(backwards(json.loads(line)), indent=4) for line in lines).encode()


def reordered_in_strings(lines: Lines) -> bytes:
    texts_anew = [json.dumps(backwards(json.loads(line)), indent=1) for line in lines]
    return b"".join(json.dumps({"a": 'b \\ "c"', "event": text}).encode() + b"\n" for text in texts_anew)


def reordered_in_cells(lines: Lines) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(["a", 'b "c"', json.dumps(backwards(json.loads(line)))] for line in lines)
    return out.getvalue().encode()


def parsed_in_an_export(lines: Lines) -> bytes:
    hits = [{"_source": backwards(json.loads(line))} for line in lines]
    return json.dumps({"hits": {"hits": hits}}, indent=1).encode()


def parsed_in_an_export_on_one_line(lines: Lines) -> bytes:
    return json.dumps({"hits": {"hits": [{"_source": backwards(json.loads(line))} for line in lines]}}).encode()


def array_of_lines(lines: Lines) -> bytes:
    return b"[" + b",\n".join(line.rstrip(b"\n") for line in lines) + b"]\n"


def array_on_one_line(lines: Lines) -> bytes:
    return b"[" + b",".join(line.rstrip(b"\n") for line in lines) + b"]"


def carriage_returns(lines: Lines) -> bytes:
    return b"".join(line.replace(b"\n", b"\r\n") for line in lines)


def with_a_mark(lines: Lines) -> bytes:
    return b"\xef\xbb\xbf" + b"".join(lines)


def escaped_slashes(lines: Lines) -> bytes:
    """Another writer's spelling: every non-ASCII character and every solidus escaped, hex digits in upper case."""
    out = [json.dumps(json.loads(line), separators=(",", ":")).replace("/", "\\/") for line in lines]
    return "\n".join(out).encode()


def gzipped(lines: Lines) -> bytes:
    return gzip.compress(b"".join(lines))


def gzipped_archive(lines: Lines) -> bytes:
    """Two members in one file, as appending makes it."""
    return gzip.compress(archive(lines[:2])) + gzip.compress(archive(lines[2:]))


WRAPPINGS: list[Callable[[Lines], bytes]] = [
    b"".join,
    archive,
    stored_object,
    kafka_dump,
    hec_events,
    search_export,
    search_export_whole,
    indented_export,
    datadog,
    strings_in_strings,
    joined_in_one_string,
    bulk,
    table_csv,
    table_csv_semicolons,
    csv_of_json,
    table_json,
    syslog,
    spaced_objects,
    raw_unicode_objects,
    indented_objects,
    reordered_objects,
    reordered_and_indented,
    reordered_in_strings,
    reordered_in_cells,
    parsed_in_an_export,
    parsed_in_an_export_on_one_line,
    array_of_lines,
    array_on_one_line,
    carriage_returns,
    with_a_mark,
    escaped_slashes,
    gzipped,
    gzipped_archive,
]
