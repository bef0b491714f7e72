"""What is looked at: an environment, and a journal with the streams and the newest calls in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from otel_mcp_audit import settings, sinks
from otel_mcp_audit.doctor.stream import SeenStream
from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.record import AuditRecord


class Subject(NamedTuple):
    """What a look may read.

    Attributes:
        environ: the environment, which need not be the server's.
        folder: the journal's; None where there is none.
        looked_at: the folders that were tried.
        streams: all streams of the folder, those changed last first.
        calls: the newest calls on record, oldest first.
        token: a file with a sample token or its claims; None where none was given.
    """

    environ: Mapping[str, str]
    folder: Path | None
    looked_at: Sequence[Path] = ()
    streams: Sequence[SeenStream] = ()
    calls: Sequence[AuditRecord] = ()
    token: Path | None = None

    @property
    def sinks(self) -> list[sinks.Named] | None:
        """Where this environment delivers to; None where its variables cannot be read."""
        try:
            return sinks.resolve(settings.read(self.environ)[0].sinks, self.environ)
        except ConfigurationError:
            return None
