"""Records kept on this machine: streams of sealed lines in a folder, with their readers, cursors and budget."""

from otel_mcp_audit.journal.beginning import Beginning, latest
from otel_mcp_audit.journal.budget import Budget
from otel_mcp_audit.journal.cursor import BEGINNING, Cursor, Position, load, name_for
from otel_mcp_audit.journal.folder import choose, ladder, prepare
from otel_mcp_audit.journal.incident import SYNC_FAILED, Incident
from otel_mcp_audit.journal.lock import Lock
from otel_mcp_audit.journal.orphans import Origin, Orphan, find, heads
from otel_mcp_audit.journal.quarantine import Quarantine
from otel_mcp_audit.journal.reader import Reader
from otel_mcp_audit.journal.removal import Cut
from otel_mcp_audit.journal.stream import SEGMENT_BYTES, Entry, Stream
from otel_mcp_audit.journal.stream_reader import StreamReader
from otel_mcp_audit.journal.syncing import Due

__all__ = [
    "BEGINNING",
    "SEGMENT_BYTES",
    "SYNC_FAILED",
    "Beginning",
    "Budget",
    "Cursor",
    "Cut",
    "Due",
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
    "latest",
    "load",
    "name_for",
    "prepare",
]
