"""Variables that name a part of OpenTelemetry by its entry point, and whether that part is there."""

import difflib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

from otel_mcp_audit.sinks import quote

_GROUPS: Final = {
    "OTEL_TRACES_EXPORTER": "opentelemetry_traces_exporter",
    "OTEL_METRICS_EXPORTER": "opentelemetry_metrics_exporter",
    "OTEL_LOGS_EXPORTER": "opentelemetry_logs_exporter",
    "OTEL_PROPAGATORS": "opentelemetry_propagator",
    "OTEL_PYTHON_DISTRO": "opentelemetry_distro",
    "OTEL_PYTHON_CONFIGURATOR": "opentelemetry_configurator",
    "OTEL_PYTHON_ID_GENERATOR": "opentelemetry_id_generator",
}
"""Variable: the group of the entry points that it names."""

_LISTS: Final = frozenset({"OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_PROPAGATORS"})
"""Variables that may name several, or ``none``."""

_PROTOCOLS: Final = ("grpc", "http/protobuf")
_PROTOCOL_OF: Final = tuple(f"OTEL_EXPORTER_OTLP_{signal}PROTOCOL" for signal in ("", "TRACES_", "METRICS_", "LOGS_"))

CONFIG_FILE: Final = "OTEL_CONFIG_FILE"

_SHOWN: Final = 8
"""Known names that an error lists."""


class Unknown(NamedTuple):
    """A variable whose value names nothing that is there.

    Attributes:
        variable: its name.
        text: the variable, its value, what is wrong, and the mend.
    """

    variable: str
    text: str


def unknown_names(environ: Mapping[str, str]) -> list[Unknown]:
    """The variables that name what is not installed, not known or not there, each with its mend."""
    return [*_parts(environ), *_protocols(environ), *_file(environ)]


def _parts(environ: Mapping[str, str]) -> Iterator[Unknown]:
    for variable, group in _GROUPS.items():
        value = environ.get(variable, "")
        names = [name.strip() for name in value.split(",")] if variable in _LISTS else [value.strip()]
        known = sorted({entry.name for entry in metadata.entry_points(group=group)})
        accepted = {*known, *({"none", "otlp", ""} if variable in _LISTS else {""})}
        for name in names:
            if (name.lower() if name.lower() == "none" else name) not in accepted:
                yield Unknown(variable, f"{variable}={quote(value)!r}: {_nothing(name, known, variable)}")


def _nothing(name: str, known: list[str], variable: str) -> str:
    choice = [*known, "none"] if variable in _LISTS else known
    close = difflib.get_close_matches(name, [*choice, *(["otlp"] if "_EXPORTER" in variable else [])], n=1)
    if close:
        return f"nothing of that name is installed; did you mean {close[0]}?"
    listed = ", ".join(choice[:_SHOWN]) or "none is installed"
    return f"nothing of that name is installed; leave it unset, or write one of: {listed}"


def _protocols(environ: Mapping[str, str]) -> Iterator[Unknown]:
    for variable in _PROTOCOL_OF:
        value = environ.get(variable, "").strip()
        if value and value not in _PROTOCOLS:
            text = f"{variable}={quote(value)!r}: no such protocol; write {' or '.join(_PROTOCOLS)}"
            yield Unknown(variable, text)


def _file(environ: Mapping[str, str]) -> Iterator[Unknown]:
    value = environ.get(CONFIG_FILE, "")
    if value and not Path(value).is_file():
        yield Unknown(
            CONFIG_FILE, f"{CONFIG_FILE}={quote(value)!r}: there is no such file; name one, or leave it unset"
        )
