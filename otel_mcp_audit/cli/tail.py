"""``otel-mcp-audit tail``."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from otel_mcp_audit.cli.folder import journal_folder
from otel_mcp_audit.cli.following import new_records
from otel_mcp_audit.cli.newest import Wanted, moment, newest
from otel_mcp_audit.cli.table import Table
from otel_mcp_audit.cli.terminal import Plain, output, print_json
from otel_mcp_audit.record import AuditRecord


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
    with contextlib.suppress(KeyboardInterrupt), output():
        show(found.records)
        if follow:
            for records in new_records(root, found.ends):
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
