"""Which format the lines of a stream have: what another version writes is neither gone on with nor removed."""

from pathlib import Path

from msgspec import DecodeError, Struct, json

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import ending
from otel_mcp_audit.journal.reader import Reader
from otel_mcp_audit.line import FORMAT_VERSION


class _Chain(Struct):
    v: int


class _Versioned(Struct):
    """All that is asked of a line whose other keys nobody here may know."""

    chain: _Chain


_decode = json.Decoder(_Versioned).decode


def check(folder: Path) -> None:
    """See that a stream's lines are of our format; what is no line at all is another's question.

    Raises:
        JournalError: they are not.
        OSError: it cannot be read.
    """
    version = foreign(folder)
    if version is not None:
        raise JournalError(
            f"its lines have format {version}, this version of otel-mcp-audit knows {FORMAT_VERSION}: "
            "leave it to the version that wrote it, or update this one"
        )


def foreign(folder: Path) -> int | None:
    """The format of a stream's first or last line where it is not ours: another version may have gone on with ours.

    Raises:
        OSError: it cannot be read.
    """
    versions = map(_version, (Reader(folder).first_line(), ending.last_line(folder)))
    return next((version for version in versions if version not in (None, FORMAT_VERSION)), None)


def _version(line: bytes | None) -> int | None:
    try:
        return None if line is None else _decode(line).chain.v
    except (DecodeError, UnicodeDecodeError):
        return None
