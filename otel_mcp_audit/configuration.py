"""What a stream says of the settings it is kept under, and what differs from an earlier one: never a secret."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, cast

import msgspec

from otel_mcp_audit import sinks
from otel_mcp_audit.line import Change, NameValue
from otel_mcp_audit.settings import Settings

_DEFAULTS: Final = Settings()

_ROUTE: Final[dict[str, frozenset[str]]] = {
    "OTEL_CONFIG_FILE": frozenset({"otel"}),
    "OTEL_EXPORTER_OTLP_ENDPOINT": frozenset({"otlp", "otlp_proto_grpc", "otlp_proto_http"}),
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": frozenset({"otlp", "otlp_proto_grpc", "otlp_proto_http"}),
}
"""Variables of OpenTelemetry that lead the trail elsewhere though the sink keeps its name, and the sinks that obey."""


def shown(settings: Settings, names: Sequence[str], environ: Mapping[str, str]) -> list[NameValue]:
    """The settings in force that are not the default, in the order of their names, and where the trail goes.

    Args:
        settings: read or given.
        names: of the sinks that they led to.
        environ: whose variables of OpenTelemetry decide where those sinks lead.
    """
    values = {name: getattr(settings, name) for name in Settings.__struct_fields__ if name != "sinks"}
    found = {name: _text(value) for name, value in values.items() if value != getattr(_DEFAULTS, name)}
    found["sinks"] = ", ".join(names) or "none"
    for variable, obeying in _ROUTE.items():
        if (value := environ.get(variable, "").strip()) and obeying.intersection(names):
            found[variable] = sinks.address(value)
    return [NameValue(name, found[name]) for name in sorted(found)]


def digest(configuration: Sequence[NameValue]) -> str:
    """SHA-256 in hexadecimal of what ``shown`` answered."""
    return hashlib.sha256(msgspec.json.encode(configuration)).hexdigest()


def changes(before: Sequence[NameValue], now: Sequence[NameValue]) -> list[Change]:
    """What differs, by name; None stands for the default."""
    old, new = ({item.name: item.value for item in items} for items in (before, now))
    names = sorted(old.keys() | new.keys())
    return [Change(name, new.get(name), old.get(name)) for name in names if old.get(name) != new.get(name)]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int)):
        return _safe(str(value))
    if isinstance(value, Sequence):
        return _safe(", ".join(map(str, cast("Sequence[object]", value))))
    return sinks.path_of(value)


def _safe(text: str) -> str:
    return sinks.address(text) if "://" in text else sinks.quote(text)
