"""``otel-mcp-audit ship``."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from otel_mcp_audit import shipping, sinks
from otel_mcp_audit.cli import terminal
from otel_mcp_audit.cli.folder import journal_folder
from otel_mcp_audit.errors import AuditError
from otel_mcp_audit.settings import Settings


def ship(
    *,
    timeout: float = 30.0,
    json: Annotated[bool, Parameter(negative=())] = False,
    dir: Path | None = None,  # noqa: A002 -- the option's name
) -> int:
    """Deliver what the journal still holds, to the sinks of this environment.

    Exit status: 0 nothing is pending; 1 something is.

    Args:
        timeout: seconds without any progress after which it gives up.
        json: print the counts as JSON.
        dir: the journal's folder.
    """
    named = _destinations()
    with _progress() as progress:
        shipped = shipping.ship(journal_folder(dir), named, timeout, progress)
    if json:
        terminal.print_json(shipped._asdict())
    else:
        _show(shipped, ", ".join(name for name, _ in named))
    return 1 if shipped.pending else 0


def _destinations() -> list[sinks.Named]:
    resolved = sinks.resolve(Settings.from_env().sinks, os.environ)
    named = sinks.delivered(resolved)
    if resolved and not named:
        raise AuditError(
            "otel is the server's own LoggerProvider, and there is none here: name another sink to ship to, such as "
            "OTEL_MCP_AUDIT_SINKS=otlp"
        )
    if not named:
        raise AuditError(
            "no sink to ship to: set OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_MCP_AUDIT_SINKS to more than none"
        )
    return named


def _show(shipped: shipping.Shipped, names: str) -> None:
    console = terminal.Plain()
    console.print(terminal.plain(f"{shipped.delivered} records delivered to {names}, {shipped.pending} pending"))
    if shipped.quarantined:
        console.print(f"{shipped.quarantined} records are in quarantine: see *.quarantine.jsonl in the journal")


@contextmanager
def _progress() -> Generator[shipping.Progress]:
    """A bar on stderr, for people only."""
    console = terminal.Plain(stderr=True)
    columns = (TextColumn("shipping"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, left: bar.update(task, completed=done, total=done + left)
