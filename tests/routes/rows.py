"""The routes as data: what an operator sets, which rule of where records go fits, and where the records have to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Destination = Literal["http receiver", "grpc receiver", "vendor's file", "ingestion", "stderr", "nowhere"]

_STOCK: Final = {"OTEL_PYTHON_DISTRO": "distro", "OTEL_PYTHON_CONFIGURATOR": "configurator"}
"""The distro of OpenTelemetry's own, where a vendor's is installed too."""

_AZURE: Final = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=00000000-0000-0000-0000-000000000001;"
    "IngestionEndpoint={ingestion}/",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A route.

    Attributes:
        name: in an operator's words.
        rule: its number in the contract.
        environ: what is set; ``{http}``, ``{grpc}``, ``{ingestion}`` and ``{folder}`` stand for what the test started.
        loader: under ``opentelemetry-instrument``; else instrumented in code.
        way: what the application does about logs of its own.
        instrument: the application instruments too, although the loader has.
        sinks: what the stream's first line names.
        destination: where the records are.
        copies: of each record there.
        altered: on its way there, by what the application set up.
        part: the distribution that it needs beside the harness.
    """

    name: str
    rule: int
    sinks: tuple[str, ...]
    destination: Destination
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    loader: bool = True
    way: str = "nothing"
    instrument: bool = False
    copies: int = 1
    altered: bool = False
    part: str | None = None

    @property
    def all_set(self) -> dict[str, str]:
        """The environment, but for what the test started."""
        return {**(_STOCK if self.loader else {}), **self.environ}


HTTP: Final = {"OTEL_EXPORTER_OTLP_ENDPOINT": "{http}", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
NO_LOGS: Final = {"OTEL_LOGS_EXPORTER": "none"}


def audit(sinks: str) -> dict[str, str]:
    """The variable that says where the trail goes."""
    return {"OTEL_MCP_AUDIT_SINKS": sinks}


ROWS: Final = (
    Row(name="otlp over http", rule=5, environ=HTTP, sinks=("otlp",), destination="http receiver"),
    Row(
        name="otlp over grpc",
        rule=5,
        environ={"OTEL_EXPORTER_OTLP_ENDPOINT": "{grpc}"},
        sinks=("otlp",),
        destination="grpc receiver",
    ),
    Row(
        name="an exporter by its name",
        rule=5,
        environ={"OTEL_LOGS_EXPORTER": "routes_vendor"},
        sinks=("routes_vendor",),
        destination="vendor's file",
    ),
    Row(
        name="an exporter by its name, for the trail alone",
        rule=1,
        environ={**NO_LOGS, **audit("routes_vendor")},
        sinks=("routes_vendor",),
        destination="vendor's file",
    ),
    Row(
        name="an http address of its own",
        rule=1,
        environ={**NO_LOGS, **audit("otlp+{http}")},
        sinks=("otlp+{http}",),
        destination="http receiver",
    ),
    Row(
        name="a grpc address of its own",
        rule=1,
        environ={**NO_LOGS, **audit("otlp+grpc://{grpc_host}")},
        sinks=("otlp+grpc://{grpc_host}",),
        destination="grpc receiver",
    ),
    Row(name="console", rule=1, environ={**HTTP, **audit("console")}, sinks=("console",), destination="stderr"),
    Row(
        name="console, of all logs",
        rule=5,
        environ={"OTEL_LOGS_EXPORTER": "console"},
        sinks=("console",),
        destination="stderr",
    ),
    Row(name="none", rule=1, environ={**HTTP, **audit("none")}, sinks=(), destination="nowhere"),
    Row(name="none, of all logs", rule=5, environ={**HTTP, **NO_LOGS}, sinks=(), destination="nowhere"),
    Row(
        name="otel: the loader's provider",
        rule=1,
        environ={**HTTP, **audit("otel")},
        sinks=("otel",),
        destination="http receiver",
    ),
    Row(
        name="otlp and otel to one collector",
        rule=1,
        environ={**HTTP, **audit("otlp,otel")},
        sinks=("otlp", "otel"),
        destination="http receiver",
        copies=2,
    ),
    Row(
        name="a provider given in code", rule=2, loader=False, way="given", sinks=("otel",), destination="http receiver"
    ),
    Row(
        name="a provider given in code, under the loader",
        rule=2,
        environ={**NO_LOGS, "OTEL_CONFIG_FILE": ""},
        way="given",
        instrument=True,
        sinks=("otel",),
        destination="http receiver",
    ),
    Row(
        name="a provider given in code, and a sink named",
        rule=1,
        loader=False,
        way="given",
        environ=audit("otlp+{http}"),
        sinks=("otlp+{http}", "otel"),
        destination="http receiver",
        copies=2,
    ),
    Row(name="a provider set in code", rule=4, loader=False, way="set", sinks=("otel",), destination="http receiver"),
    Row(
        name="a provider set in code, and an endpoint",
        rule=5,
        loader=False,
        way="set",
        environ={"OTEL_EXPORTER_OTLP_ENDPOINT": "{grpc}"},
        sinks=("otlp",),
        destination="grpc receiver",
    ),
    Row(
        name="a provider set in code, and logs switched off",
        rule=5,
        loader=False,
        way="set",
        environ=NO_LOGS,
        sinks=(),
        destination="nowhere",
    ),
    Row(
        name="SDK disabled",
        rule=5,
        environ={**HTTP, "OTEL_SDK_DISABLED": "true"},
        sinks=(),
        destination="nowhere",
    ),
    Row(
        name="SDK disabled, console",
        rule=1,
        environ={**HTTP, **audit("console,otel"), "OTEL_SDK_DISABLED": "true"},
        sinks=("console",),
        destination="stderr",
    ),
    Row(
        name="OTEL_CONFIG_FILE",
        rule=3,
        environ={"OTEL_CONFIG_FILE": "{folder}/otel.yaml"},
        sinks=("otel",),
        destination="http receiver",
        part="opentelemetry-configuration",
    ),
    Row(
        name="OTEL_CONFIG_FILE with a sink of the trail's own",
        rule=1,
        environ={"OTEL_CONFIG_FILE": "{folder}/own.yaml"},
        sinks=("otlp+{http}",),
        destination="http receiver",
        part="opentelemetry-configuration",
    ),
    Row(
        name="logfire, which scrubs",
        rule=4,
        loader=False,
        way="logfire",
        sinks=("otel",),
        destination="http receiver",
        altered=True,
        part="logfire",
    ),
    Row(
        name="logfire without scrubbing",
        rule=4,
        loader=False,
        way="logfire whole",
        sinks=("otel",),
        destination="http receiver",
        part="logfire",
    ),
    Row(
        name="logfire, and an OTLP sink of the trail's own",
        rule=1,
        loader=False,
        way="logfire",
        environ=audit("otlp+grpc://{grpc_host}"),
        sinks=("otlp+grpc://{grpc_host}",),
        destination="grpc receiver",
        part="logfire",
    ),
    Row(
        name="Azure Monitor in code",
        rule=4,
        loader=False,
        way="azure",
        environ=_AZURE,
        sinks=("otel",),
        destination="ingestion",
        part="azure-monitor-opentelemetry",
    ),
    Row(
        name="Azure Monitor's own distro",
        rule=4,
        environ={
            **_AZURE,
            "OTEL_PYTHON_DISTRO": "azure_monitor_opentelemetry_distro",
            "OTEL_PYTHON_CONFIGURATOR": "azure_monitor_opentelemetry_configurator",
        },
        sinks=("otel",),
        destination="ingestion",
        part="azure-monitor-opentelemetry",
    ),
    Row(
        name="Azure Monitor's exporter by its name",
        rule=5,
        environ={**_AZURE, "OTEL_LOGS_EXPORTER": "azure_monitor_opentelemetry_exporter"},
        sinks=("azure_monitor_opentelemetry_exporter",),
        destination="ingestion",
        part="azure-monitor-opentelemetry",
    ),
)
