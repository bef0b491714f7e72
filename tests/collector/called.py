"""Calls of a real client to a real server, shipped to a Collector: what the client knows, and what the journal has."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from otel_mcp_audit.verify import verify
from tests.collector import journals
from tests.integration import trail
from tests.integration.process import Session, exporting, scenes_server
from tests.scenes import scenes
from tests.scenes.log import ClientLog


@dataclass(frozen=True)
class Called:
    """What a place must have of it."""

    log: ClientLog
    journal: Path

    @property
    def lines(self) -> list[bytes]:
        """All lines of the journal."""
        return journals.lines(self.journal)

    def assert_all_in(self, lines: Iterable[bytes]) -> None:
        """A place has each call's one record, byte for byte, copies aside, and nothing else."""
        found = sorted(set(lines))
        trail.assert_complete(self.log, found)
        assert found == sorted(self.lines)

    def assert_verified(self, *copy: Path) -> None:
        """A copy verifies, and lacks nothing that the journal has."""
        report = verify(copy, against=self.journal)
        assert (report.missing, report.findings) == ([], [])
        assert report.records == len(self.lines)


def call_all(journal: Path, endpoint: str) -> Called:
    """Have a client make every ordinary call of a server that ships by OTLP over HTTP."""
    environ = exporting(journal, endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
    with scenes_server(environ) as server:
        session = Session(server)
        for scene in scenes.ordinary("framework"):
            session.wire.call(scene)
        server.leave()
    return Called(session.log, journal)
