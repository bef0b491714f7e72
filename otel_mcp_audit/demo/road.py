"""The whole road of a record: behind the server a Collector, its archive, and what stands for a SIEM."""

import re
import shlex
import socket
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from otel_mcp_audit import shipping, sinks, verify
from otel_mcp_audit.demo.parts import DemoError
from otel_mcp_audit.demo.process import Process, ending_on_signals
from otel_mcp_audit.demo.reckoning import Reckoning, reckon
from otel_mcp_audit.demo.siem import Siem
from otel_mcp_audit.demo.stage import Call

_READY: Final = re.compile("Everything is ready")
_PORTS: Final = ("GRPC", "HTTP", "HEALTH", "METRICS")
ARRIVAL_S: Final = 30.0
"""Seconds that records have from the Collector to the SIEM."""


class Arrival(NamedTuple):
    """How it looks at the far end.

    Attributes:
        archive: verification of the Collector's archive, against the journal.
        copy: verification of what the SIEM has, against the journal.
        records: of calls, at the SIEM.
        reckoning: calls made against those records.
    """

    archive: verify.Report
    copy: verify.Report
    records: int
    reckoning: Reckoning

    @property
    def right(self) -> bool:
        """Each copy is whole and sound, and has one record for each call."""
        return self.archive.ok and self.copy.ok and self.reckoning.right

    def as_dict(self) -> dict[str, Any]:
        """It as ``demo --json`` prints it."""
        return {
            "archive": self.archive.as_dict(),
            "siem": self.copy.as_dict(),
            "records": self.records,
            "reckoning": self.reckoning._asdict(),
        }


class Road:
    """A Collector that runs and a SIEM that listens.

    Attributes:
        archive: the Collector's, a folder.
        copy: what the SIEM has, a file of HEC events.
        exporting: how a server is told to send here.
    """

    def __init__(self, collector: Process, endpoint: str, archive: Path, siem: Siem) -> None:
        self._collector = collector
        self._siem = siem
        self.archive = archive
        self.copy = siem.file
        self.exporting: Mapping[str, str] = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": "200",  # spans, unlike records, end with a server that a signal ends
        }

    def arrival(self, calls: Sequence[Call], journal: Path) -> Arrival:
        """Have everything arrive that the server has left behind, stop the Collector, and look at the copies."""
        if journal.is_dir():
            shipping.ship(journal, sinks.delivered(sinks.resolve(None, self.exporting)), ARRIVAL_S)
            self._await(journal)
        self._collector.stop()
        records = [record for record in self._siem.records() if record.event_type == "tool_call"]
        archive, copy = (verify.verify([path], against=journal) for path in (self.archive, self.copy))
        return Arrival(archive, copy, len(records), reckon(calls, records))

    def _await(self, journal: Path) -> None:
        deadline = time.monotonic() + ARRIVAL_S
        while time.monotonic() < deadline and verify.verify([self.copy], against=journal).missing:
            time.sleep(0.1)


@contextmanager
def road(command: str, folder: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> Generator[Road]:
    """Lay it, and clear it away afterwards.

    Args:
        command: starts a Collector with ``base.yaml`` and ``splunk.yaml``, or others that read the same variables.
        folder: where ``collector.log``, ``siem.jsonl``, ``archive``, ``telemetry`` and ``queue`` go.
        environ: the environment to start from.
        say: told what is going on.

    Raises:
        DemoError: that is no command line, or the Collector does not start; the text says why, or names its log.
    """
    ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
    with ending_on_signals(), Siem(folder / "siem.jsonl") as siem:
        given = {
            **{f"AUDIT_{name}_DIR": str(folder / name.lower()) for name in ("ARCHIVE", "TELEMETRY", "QUEUE")},
            **{f"AUDIT_{name}_PORT": str(port) for name, port in ports.items()},
            "SPLUNK_HEC_URL": siem.url,
            "SPLUNK_HEC_TOKEN": "demo",
        }
        with Process("Collector", _words(command), folder / "collector.log", {**environ, **given}) as collector:
            say(f"started a Collector: {command}")
            collector.says(_READY)
            say(f"it keeps an archive, and sends on to {siem.url}, which stands for a SIEM")
            yield Road(collector, f"http://127.0.0.1:{ports['HTTP']}", folder / "archive", siem)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise DemoError(f"--collector is no command line: {error}: {command}") from error
    if not words:
        raise DemoError("--collector is empty: give the command line that starts a Collector")
    return words


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
