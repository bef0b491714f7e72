"""Real receivers as destinations: a Splunk HEC receiver, an OTLP store, and one that asks for Datadog's key."""

from pathlib import Path
from typing import Any, Final

from tests.collector import archive
from tests.collector.binary import TEST
from tests.collector.collector import Collector, free_ports

_CONFIG: Final = Path(__file__).with_name("sinks.yaml")
DATADOG_KEY: Final = "test-key"
LOGS: Final = ("splunk", "datadog", "store")


class Sinks(Collector):
    """A Collector in the place of the destinations.

    Args:
        state: what they take is written there.

    Attributes:
        variables: what a Collector needs to send to them.
    """

    def __init__(self, state: Path) -> None:
        self.folder = state / "sinks"
        hec, datadog, store = free_ports(3)
        ports = {"SINK_HEC_PORT": str(hec), "SINK_DATADOG_PORT": str(datadog), "SINK_STORE_PORT": str(store)}
        super().__init__(state, _CONFIG, program=TEST, SINK_DIR=str(self.folder), **ports)
        self.variables = {
            "SPLUNK_HEC_URL": f"http://127.0.0.1:{hec}/services/collector",
            "SPLUNK_HEC_TOKEN": "token",
            "DD_OTLP_ENDPOINT": f"http://127.0.0.1:{datadog}",
            "DD_API_KEY": DATADOG_KEY,
            "AUDIT_OTLP_URL": f"http://127.0.0.1:{store}",
        }

    def logs(self, sink: str) -> list[dict[str, Any]]:
        """All log records that a sink has, in the shape of ``tests.receivers``."""
        return archive.held(self.folder, f"{sink}*.jsonl")

    def records(self, sink: str) -> list[dict[str, Any]]:
        """The audit records among them."""
        return [record for record in self.logs(sink) if "audit.record.id" in record["attributes"]]

    def spans(self, sink: str) -> list[dict[str, Any]]:
        """All spans that a sink has."""
        return archive.held(self.folder, f"spans-{sink}*.jsonl")
