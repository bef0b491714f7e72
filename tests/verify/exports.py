"""What comes out of Splunk and Datadog, in the shapes that their documentation shows. Each takes lines, answers a file.

Splunk: Search Manual, "Export search results" (Splunk Web, command line, REST); REST API Reference, "Search endpoints",
``search/v2/jobs/export`` and ``search/v2/jobs/{search_id}/results`` with ``output_mode`` csv, json, json_rows,
json_cols, raw (which is the lines as they are). Datadog: API reference, "Search logs" v2 (``LogsListResponse``) and v1;
"Log Archives", format of the archives; "Export logs", CSV; "Pipelines", preprocessing: JSON logs are parsed into
attributes beside those that came with the log. No real Splunk or Datadog was asked.
"""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.verify.wrappings import Lines, texts

_FIELDS: Final = {
    "_time": "2026-11-25T10:30:00.000+00:00",
    "host": "unknown",
    "index": "mcp_audit",
    "sourcetype": "otel:mcp:audit",
    # What Splunk itself extracts from a JSON event, and a field with two values.
    "chain.seq": "1",
    "event.id": "019a0000-0000-7000-8000-000000000001",
    "params{}.name": "query",
    "user.roles": ["nurse", "admin"],
}

_ATTRIBUTES: Final[dict[str, Any]] = {
    "audit": {"record": {"id": "019a0000-0000-7000-8000-000000000001"}, "sequence": {"number": 3}},
    "user": {"id": "alice"},
    "otel": {"timestamp": "1795602600000000000", "severity_number": "9"},
}


def splunk_export(lines: Lines) -> bytes:
    """``jobs/export``, Splunk Web and the command line: a row of results at a time."""
    return _splunk_export(lines, preview=False)


def splunk_export_with_previews(lines: Lines) -> bytes:
    return _splunk_export(lines[::2], preview=True) + splunk_export(lines)


def _splunk_export(lines: Lines, *, preview: bool) -> bytes:
    rows: list[dict[str, Any]] = [
        {"preview": preview, "offset": n, "result": {"_raw": text, **_FIELDS}} for n, text in enumerate(texts(lines))
    ]
    rows[-1]["lastrow"] = True
    return b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)


def _splunk_whole(**what: Any) -> bytes:
    return json.dumps({"preview": False, "init_offset": 0, "messages": [], **what, "highlighted": {}}).encode()


def splunk_results(lines: Lines) -> bytes:
    return _splunk_whole(
        fields=[{"name": name} for name in ("_raw", *_FIELDS)],
        results=[{"_raw": text, **_FIELDS} for text in texts(lines)],
    )


def splunk_rows(lines: Lines) -> bytes:
    rows = [[text, *_FIELDS.values()] for text in texts(lines)]
    return _splunk_whole(fields=["_raw", *_FIELDS], rows=rows)


def splunk_columns(lines: Lines) -> bytes:
    columns = [texts(lines), *([value] * len(lines) for value in _FIELDS.values())]
    return _splunk_whole(fields=["_raw", *_FIELDS], columns=columns)


def splunk_csv(lines: Lines) -> bytes:
    """Splunk Web's: several values of a field stand on several lines of one cell."""
    out = io.StringIO()
    table = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writerow([*_FIELDS, "_raw"])
    cells = ["\n".join(value) if isinstance(value, list) else value for value in _FIELDS.values()]
    table.writerows([*cells, text] for text in texts(lines))
    return out.getvalue().encode()


def _datadog_logs(lines: Lines, *, message: bool, parsed: bool) -> Iterator[dict[str, Any]]:
    for text in texts(lines):
        attributes = {**json.loads(text), **_ATTRIBUTES} if parsed else _ATTRIBUTES
        log: dict[str, Any] = {
            "service": "records",
            "tags": ["env:prod", "source:otlp_log_ingestion"],
            "timestamp": "2026-11-25T10:30:00.000Z",
            "host": "",
            "attributes": attributes,
            "status": "info",
        }
        yield {**log, "message": text} if message else log


def _datadog_page(logs: Iterator[dict[str, Any]], indent: int | None = None) -> bytes:
    data = [{"id": "AwAAAZ", "type": "log", "attributes": log} for log in logs]
    page = {
        "data": data,
        "links": {"next": "https://api.datadoghq.com/api/v2/logs/events?page%5Bcursor%5D=eyJh"},
        "meta": {"elapsed": 132, "page": {"after": "eyJh"}, "request_id": "MWlF", "status": "done"},
    }
    return json.dumps(page, indent=indent).encode() + b"\n"


def datadog_pages(lines: Lines) -> bytes:
    """Pages of the search API, one after the other."""
    pages = (lines[at : at + 4] for at in range(0, len(lines), 4))
    return b"".join(_datadog_page(_datadog_logs(page, message=True, parsed=False)) for page in pages)


def datadog_page_with_both(lines: Lines) -> bytes:
    return _datadog_page(_datadog_logs(lines, message=True, parsed=True))


def datadog_page_parsed(lines: Lines) -> bytes:
    """The message became attributes beside the others and is not there as such."""
    return _datadog_page(_datadog_logs(lines, message=False, parsed=True))


def datadog_page_parsed_and_indented(lines: Lines) -> bytes:
    return _datadog_page(_datadog_logs(lines, message=False, parsed=True), indent=2)


def datadog_first_api(lines: Lines) -> bytes:
    logs = [{"id": "AwAAAZ", "content": log} for log in _datadog_logs(lines, message=True, parsed=False)]
    return json.dumps({"logs": logs, "nextLogId": "AwAAAZ", "status": "done"}).encode()


def datadog_csv(lines: Lines) -> bytes:
    out = io.StringIO()
    table = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writerow(["Date", "Host", "Service", "Message"])
    table.writerows(["2026-11-25T10:30:00.000Z", "", "records", text] for text in texts(lines))
    return out.getvalue().encode()


def datadog_archive(lines: Lines) -> bytes:
    """A file ``archive_*.json.gz``."""
    logs = _datadog_logs(lines, message=True, parsed=False)
    rows = [{"_id": "AwAAAZ", "date": "2026-11-25T10:30:00.000Z", "source": "otlp", **log} for log in logs]
    return gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in rows))


EXPORTS: Final[list[Callable[[Lines], bytes]]] = [
    splunk_export,
    splunk_results,
    splunk_rows,
    splunk_columns,
    splunk_csv,
    datadog_pages,
    datadog_page_parsed,
    datadog_page_parsed_and_indented,
    datadog_first_api,
    datadog_csv,
    datadog_archive,
]

TWICE: Final[list[Callable[[Lines], bytes]]] = [splunk_export_with_previews, datadog_page_with_both]
"""Those in which a line stands more than once."""
