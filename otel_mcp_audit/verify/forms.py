"""What a file is in which no journal line was found, by how it begins, and what to do about it.

Nothing is read by its form: a line is found wherever it stands. The forms here only make the answer a helpful one, but
for XML: it spells the characters of a line anew, so a sound line in it would pass for an altered one.
"""

import re
from typing import Final, NamedTuple

HEAD: Final = 512
"""Bytes of a file that tell its form."""

READ: Final = "Read are journal lines, bare or in JSON, JSON Lines or CSV, also gzipped"

_BOM: Final = b"\xef\xbb\xbf"
_XML: Final = re.compile(rb"\s*<(?:\?xml\s|results\b|response\b|!DOCTYPE\b|html\b)", re.IGNORECASE)


class Form(NamedTuple):
    """One form: how a file of it begins, what it is called, what helps."""

    begins: re.Pattern[bytes]
    name: str
    mend: str


def _form(begins: bytes, name: str, mend: str) -> Form:
    return Form(re.compile(begins, re.DOTALL), name, mend)


_FORMS: Final = (
    Form(_XML, "XML or HTML", "export JSON, CSV or raw events instead"),
    _form(rb"\xff\xfe|\xfe\xff", "text in UTF-16", "save it in UTF-8"),
    _form(rb"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save it as CSV"),
    _form(rb"\x28\xb5\x2f\xfd", "a file packed by zstd", "unpack it with zstd -d"),
    _form(rb"\xfd7zXZ\x00", "a file packed by xz", "unpack it with xz -d"),
    _form(rb"BZh[1-9]", "a file packed by bzip2", "unpack it with bzip2 -d"),
    _form(rb"\x04\x22\x4d\x18", "a file packed by lz4", "unpack it with lz4 -d"),
    _form(rb"\xff\x06\x00\x00sNaPpY", "a file packed by snappy", "unpack it"),
    _form(rb"PAR1", "Parquet", "write the column with the line as CSV or JSON"),
    _form(rb"Obj\x01", "Avro", "write the field with the line as JSON"),
    _form(rb"SQLite format 3\x00", "an SQLite database", "write the column with the line as CSV or JSON"),
    _form(rb"\s*\{\s*\"resourceSpans\"", "spans in OTLP JSON", "give the archive of log records"),
    _form(rb"\s*\{\s*\"resourceMetrics\"", "metrics in OTLP JSON", "give the archive of log records"),
    _form(rb"\s*\{\s*\"resourceLogs\"", "log records in OTLP JSON, none of ours", "give the archive of audit records"),
    _form(rb"\s*\{\s*\"preview\"", "Splunk search results without _raw", "export events, or end with | fields _raw"),
    _form(rb"\s*\{\s*\"(?:data|logs)\"", "a page of Datadog logs without message", "search @audit.record.id:*"),
    _form(rb"\s*[\[{]", "JSON", "export the field that holds the line"),
    _form(rb".*\x00", "binary", "export JSON, CSV or raw events"),
    _form(rb"\"?[\w@. -]+\"?[,;\t]", "CSV or other text", "export the column that holds the line"),
)


def explain(head: bytes) -> str:
    """Why nothing of ours was found in a file that begins so: what it seems to be, what helps, what is read."""
    begin = head.removeprefix(_BOM)
    form = next((form for form in _FORMS if form.begins.match(begin)), None)
    seen = "" if form is None else f" It looks like {form.name}: {form.mend}."
    return f"there is no journal line in it.{seen} {READ}"


def spelled_anew(head: bytes) -> bool:
    """Whether the file's form has a spelling of its own for characters, as XML has: it is better not read."""
    return _XML.match(head.removeprefix(_BOM)) is not None
