"""Records kept on this machine: streams of sealed lines in a folder, with their readers, cursors and budget."""

from otel_mcp_audit.journal.budget import Budget
from otel_mcp_audit.journal.cursor import BEGINNING, Cursor, Position, load, name_for
from otel_mcp_audit.journal.folder import choose, ladder, prepare
from otel_mcp_audit.journal.incident import Incident
from otel_mcp_audit.journal.lock import Lock
from otel_mcp_audit.journal.orphans import Origin, Orphan, find, heads
from otel_mcp_audit.journal.quarantine import Quarantine
from otel_mcp_audit.journal.reader import Reader
from otel_mcp_audit.journal.removal import Cut
from otel_mcp_audit.journal.stream import SEGMENT_BYTES, Entry, Stream, StreamReader

__all__ = [
    "BEGINNING",
    "SEGMENT_BYTES",
    "Budget",
    "Cursor",
    "Cut",
    "Entry",
    "Incident",
    "Lock",
    "Origin",
    "Orphan",
    "Position",
    "Quarantine",
    "Reader",
    "Stream",
    "StreamReader",
    "choose",
    "find",
    "heads",
    "ladder",
    "load",
    "name_for",
    "prepare",
]
