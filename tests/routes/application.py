"""The scenes' server over stdio in an application with logs of its own: ``python application.py WAY {instrument|}``."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from otel_mcp_audit import MCPAuditInstrumentor
from tests.scenes import servers


def provider() -> Any:
    """A LoggerProvider that sends each record at once to the endpoint in ``ROUTES_TO``."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor

    made = LoggerProvider()
    made.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{os.environ['ROUTES_TO']}/v1/logs")))
    return made


def set_provider() -> None:
    """As an application does that sets OpenTelemetry up itself."""
    from opentelemetry._logs import set_logger_provider

    set_logger_provider(provider())


def logfire(**options: Any) -> None:
    """As its documentation says, but for the address."""
    sdk: Any = import_module("logfire")
    sdk.configure(
        token="token",
        send_to_logfire=True,  # it would not by itself where pytest runs
        console=False,
        inspect_arguments=False,
        advanced=sdk.AdvancedOptions(base_url=os.environ["ROUTES_TO"]),
        **options,
    )


def logfire_whole() -> None:
    """With the scrubbing switched off."""
    logfire(scrubbing=False)


def azure() -> None:
    """As its documentation says; the connection string is in the environment."""
    sdk: Any = import_module("azure.monitor.opentelemetry")
    sdk.configure_azure_monitor(disable_offline_storage=True)


WAYS: Final[dict[str, Callable[[], None]]] = {
    "set": set_provider,
    "logfire": logfire,
    "logfire whole": logfire_whole,
    "azure": azure,
}


def main(way: str, *, instrument: bool) -> None:
    """Set logs up, instrument, serve until the client leaves."""
    given: dict[str, Any] = {"logger_provider": provider()} if way == "given" else {}
    ways: dict[str, Callable[[], None]] = {
        "set": set_provider,
        "logfire": logfire,
        "logfire whole": logfire_whole,
        "azure": azure,
    }
    if way in ways:
        ways[way]()
    if instrument:
        MCPAuditInstrumentor().instrument(**given)
    servers.build("framework").run()


if __name__ == "__main__":
    main(sys.argv[1], instrument=sys.argv[2] == "instrument")
