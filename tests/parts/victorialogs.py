"""VictoriaLogs: a store that takes OTLP, and Splunk's HEC."""

import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.collector.collector import free_ports
from tests.parts.part import programs
from tests.parts.server import PATIENCE, Server, answers


class VictoriaLogs(Server):
    """One, with all its default settings but the folder, the port and the retention.

    Attributes:
        url: where it serves.
    """

    def __init__(self, folder: Path) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        program = programs("victorialogs") / "victoria-logs"
        data = folder / "data"
        super().__init__(
            folder,
            [str(program), f"-storageDataPath={data}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=10y"],
        )

    def ready(self) -> bool:
        return answers(f"{self.url}/health")

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What a query finds, of all that it has acknowledged."""
        with urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=PATIENCE):
            pass
        asked = urllib.parse.urlencode({"query": query}).encode()
        with urllib.request.urlopen(f"{self.url}/select/logsql/query", asked, timeout=PATIENCE) as answer:
            return [json.loads(line) for line in answer]
