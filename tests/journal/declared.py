"""Cuts that were declared."""

from pathlib import Path

from otel_mcp_audit.journal import Cut
from otel_mcp_audit.line import decode_line
from tests.journal.streams import (
    file_lines,
    sequence,
)


class Declared(list[Cut]):
    """The cuts that were declared; each when all of its records were still there."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def __call__(self, cut: Cut) -> None:
        lines = file_lines(self._root / cut.stream)
        numbers = [seq for seq in sequence(lines) if cut.first_seq <= seq <= cut.last_seq]
        last = next(line for line in lines if decode_line(line).chain.seq == cut.last_seq)
        assert len(numbers) == cut.count
        assert decode_line(last).seal.hash == cut.last_hash
        self.append(cut)
