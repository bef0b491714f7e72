"""``otel-mcp-audit tail``."""

import contextlib
import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from otel_mcp_audit.cli.folder import journal_folder
from otel_mcp_audit.cli.newest import Wanted, decoded, moment, newest, stream_folders
from otel_mcp_audit.cli.table import Table
from otel_mcp_audit.cli.terminal import Plain, print_json
from otel_mcp_audit.journal import BEGINNING, Position, Reader
from otel_mcp_audit.record import AuditRecord

POLL_S: Final = 0.2
_BATCH: Final = 1000
_BATCH_BYTES: Final = 4 * 1024 * 1024


def tail(
    *,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"), negative=())] = False,
    number: Annotated[int, Parameter(name=("--number", "-n"), validator=Number(gte=0))] = 20,
    all: Annotated[bool, Parameter(negative=())] = False,  # noqa: A002 -- the option's name
    json: Annotated[bool, Parameter(negative=())] = False,
    dir: Path | None = None,  # noqa: A002 -- the option's name
) -> int:
    """Show the newest records of all streams, in the order of time (UTC).

    Args:
        follow: go on with new records as they come, until interrupted.
        number: how many records.
        all: also records about the trail itself.
        json: one record a line, as JSON.
        dir: the journal's folder.
    """
    root = journal_folder(dir)
    show = _Lines(json=json)
    wanted: Wanted = (lambda _: True) if all else (lambda record: not record.event_type.startswith("audit_"))
    found = newest(root, number, wanted)
    with contextlib.suppress(KeyboardInterrupt):
        show(found.records)
        if follow:
            for records in _new(root, found.ends):
                show(sorted(filter(wanted, records), key=moment))
    return 0


class _Lines:
    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._table = Table()
        self._console = Plain()

    def __call__(self, records: list[AuditRecord]) -> None:
        """Print records, and see that they have left."""
        if self._json:
            for record in records:
                print_json(record.as_dict())
        else:
            for row in self._table.rows(records):
                self._console.print(row)
        sys.stdout.flush()


def _new(root: Path, ends: dict[Path, Position]) -> Iterator[list[AuditRecord]]:
    """What is written from now on, in every stream that is there or comes, until the reader of stdout has left."""
    following = {folder: _Following(folder, position) for folder, position in ends.items()}
    while _wait(POLL_S):
        for folder in stream_folders(root):
            if folder not in following:
                following[folder] = _Following(folder, BEGINNING)
        records = [record for stream in following.values() for record in stream.read()]
        if records:
            yield records


class _Following:
    """One stream, read as far as it goes; looked at again only when its folder or its last segment has changed."""

    def __init__(self, folder: Path, position: Position) -> None:
        self._folder = folder
        self._reader = Reader(folder)
        self._position = position
        self._pending = 0
        self._changed_ns = 0

    def read(self) -> Iterator[AuditRecord]:
        """The records since the last time."""
        while lines := self._reader.read(self._position, records=_BATCH, limit=_BATCH_BYTES):
            self._position = lines[-1][1]
            yield from (record for line, _ in lines if (record := decoded(line)) is not None)


def _wait(seconds: float) -> bool:
    """Wait; answers False when nobody reads stdout any more."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode):
            poll = select.poll()
            poll.register(sys.stdout.fileno(), 0)
            return not poll.poll(seconds * 1000)
    time.sleep(seconds)
    return True
