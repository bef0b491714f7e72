"""Records that a sink will never take, kept with the reason."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from otel_mcp_audit import clock
from otel_mcp_audit.journal import disk

SUFFIX: Final = ".quarantine.jsonl"


class Refusal(Struct, frozen=True):
    """One record set aside: the journal line as text, why, and when (RFC 3339)."""

    line: str
    reason: str
    at: str


_encode = msgspec.json.Encoder().encode


class Quarantine:
    """The file of one sink's refused records, one JSON object a line, mode 0600.

    Args:
        path: the file; made at the first refusal.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, line: bytes, reason: str) -> None:
        """Set a journal line aside, whole or not at all.

        Args:
            line: the journal line, without its line end.
            reason: why the sink refused it.

        Raises:
            OSError: it could not be kept; nothing of it is in the file.
        """
        text = line.decode("utf-8", "backslashreplace")
        data = _encode(Refusal(text, reason, clock.timestamp(clock.now_ns()))) + b"\n"
        fd = self._open()
        try:
            self._add(fd, data)
        finally:
            disk.close(fd)

    def _open(self) -> int:
        try:
            return disk.create(self.path)
        except FileExistsError:
            return disk.reopen(self.path)

    @staticmethod
    def _add(fd: int, data: bytes) -> None:
        size = disk.status(fd).st_size
        # A torn half of an earlier, killed writer is ended, so that this line stands alone.
        torn = size and disk.read(fd, size - 1, 1) != b"\n"
        try:
            disk.write(fd, b"\n" + data if torn else data)
        except OSError:
            disk.cut(fd, size)
            raise
