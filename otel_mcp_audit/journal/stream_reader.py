"""Reads a stream in the process that writes it."""

from otel_mcp_audit.journal.cursor import Position
from otel_mcp_audit.journal.home import Home
from otel_mcp_audit.journal.memory import Memory
from otel_mcp_audit.journal.reader import Reader


class StreamReader(Reader):
    """A reader in the writer's own process, which also says what has been delivered.

    Args:
        store: where the stream is kept.
        sink: the sink that it serves, or None.
    """

    def __init__(self, store: Home | Memory, sink: str | None) -> None:
        super().__init__(store if isinstance(store, Memory) else store.files.path)
        self._memory = store if isinstance(store, Memory) else None
        self._sink = sink
        if self._memory and sink:
            self._memory.expect(sink)

    def done(self, position: Position) -> None:
        """All before ``position`` has arrived: in memory it may go. On disk the sink's cursor says so."""
        if self._memory and self._sink:
            self._memory.delivered(self._sink, position)
