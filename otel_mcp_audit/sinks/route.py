"""Where the trail goes, and the sinks that lead there. Nothing heavy is imported and nothing connected.

Five rules, the first that fits wins: sinks that were named for the trail; a LoggerProvider that was given; the one that
``OTEL_CONFIG_FILE`` builds; one that was set in code while no variable says where logs go; the exporters that
``OTEL_LOGS_EXPORTER`` names. Under ``opentelemetry-instrument`` the stock distro sets that variable, so the fourth
never fits there. It does under a vendor's distro that sets none: the provider it builds is where logs go then.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.sinks import otlp_target
from otel_mcp_audit.sinks.console import ConsoleSink
from otel_mcp_audit.sinks.exporter import ExporterSink
from otel_mcp_audit.sinks.otel import OtelSink, provider_in_code
from otel_mcp_audit.sinks.otlp import OtlpSink
from otel_mcp_audit.sinks.quote import quote
from otel_mcp_audit.sinks.sink import FunctionSink, Named, Sink, Write

SINKS: Final = "OTEL_MCP_AUDIT_SINKS"
LOGS_EXPORTER: Final = "OTEL_LOGS_EXPORTER"
SDK_DISABLED: Final = "OTEL_SDK_DISABLED"
CONFIG_FILE: Final = "OTEL_CONFIG_FILE"
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")

Part = str | Sink | Write | type[Sink]
Spec = Part | Sequence[Part] | None
"""A text (a comma list), a sink or its class, a function, or a sequence of these; None asks the process's OTel logs."""

_NONE: Final = "none"
_DEFAULT: Final = "otlp"
_OTEL: Final = "otel"

_OF_OTEL: Final = (OtlpSink, ExporterSink, OtelSink)
"""Sinks of OpenTelemetry: silent where its SDK is disabled."""

_OFFICIAL: Final[dict[str, otlp_target.Protocol | None]] = {
    "otlp": None,
    "otlp_proto_grpc": "grpc",
    "otlp_proto_http": "http/protobuf",
}
"""Names of the official OTLP exporter, and the protocol that goes with the name whatever a variable says."""

_PLAIN: Final[dict[str, Callable[[], Sink]]] = {"console": ConsoleSink, "otel": OtelSink}


def resolve(spec: Spec, environ: Mapping[str, str], logger_provider: Any = None) -> list[Named]:
    """The sinks that the trail goes to, each once, in their order; none for ``none``.

    With ``OTEL_SDK_DISABLED=true`` nothing leaves by OpenTelemetry; what is kept can be shipped later.

    Args:
        spec: the setting's value; None means where this process's OTel logs go.
        environ: the environment. Certificates and headers are the exporter's to read, at the first write, from the
            process's own.
        logger_provider: what ``instrument()`` was given; None where nothing.

    Raises:
        ConfigurationError: a name that is not known, or a variable that cannot be used.
    """
    given = None if logger_provider is None else Named(_OTEL, OtelSink(logger_provider))
    if spec is not None:
        named = _resolve(spec, SINKS, environ)
        # The one given is the one meant where the text says otel too.
        named = named if given is None else [*(each for each in named if each.name != _OTEL), given]
    elif given is not None:
        named = [given]
    elif _said(CONFIG_FILE, environ) or _set_in_code(environ):
        named = [Named(_OTEL, OtelSink())]
    else:
        named = _resolve(environ.get(LOGS_EXPORTER, "").strip() or _DEFAULT, LOGS_EXPORTER, environ)
    if environ.get(SDK_DISABLED, "").strip().lower() == "true":
        return [each for each in named if not isinstance(each.sink, _OF_OTEL)]
    return named


def in_line(named: Sequence[Named]) -> list[Named]:
    """Those of the sinks that take each record while its call is still there; the others are delivered to."""
    return [each for each in named if isinstance(each.sink, OtelSink)]


def delivered(named: Sequence[Named]) -> list[Named]:
    """Those of the sinks that our delivery writes to."""
    return [each for each in named if not isinstance(each.sink, OtelSink)]


def _said(variable: str, environ: Mapping[str, str]) -> bool:
    return bool(environ.get(variable, "").strip())


def _set_in_code(environ: Mapping[str, str]) -> bool:
    said = any(_said(variable, environ) for variable in (LOGS_EXPORTER, *_ENDPOINTS))
    return not said and provider_in_code() is not None


def _resolve(spec: Part | Sequence[Part], variable: str, environ: Mapping[str, str]) -> list[Named]:
    parts = list(_parts(spec))
    if _NONE in parts and len(parts) > 1:
        raise ConfigurationError(f"{variable}: none stands alone; remove it, or the sinks beside it")
    return _each_once([_named(part, variable, environ) for part in parts if part != _NONE])


def _parts(spec: Part | Sequence[Part]) -> Sequence[Part]:
    if isinstance(spec, str):
        return [text for part in spec.split(",") if (text := part.strip())]
    if isinstance(spec, Sequence):
        items = cast("Sequence[Part]", spec)
        return [part for item in items for part in _parts(item)]
    return [spec]


def _named(part: Part, variable: str, environ: Mapping[str, str]) -> Named:
    if isinstance(part, str):
        return _from_text(part, variable, environ)
    if isinstance(part, type):
        return _named(part(), variable, environ)
    if inspect.iscoroutinefunction(getattr(part, "write", part)):
        raise ConfigurationError(
            f"{variable}: {path_of(part)} is asynchronous; delivery has a thread of its own, use def"
        )
    if isinstance(part, Sink):
        return Named(path_of(type(part)), part)
    if callable(part):
        return Named(path_of(part), FunctionSink(part))
    raise ConfigurationError(
        f"{variable}: {type(part).__name__} is no sink; give a text, a function, or a class with write and close"
    )


def _from_text(text: str, variable: str, environ: Mapping[str, str]) -> Named:
    if text in _OFFICIAL:
        return Named(text, OtlpSink(otlp_target.standard(environ, protocol=_OFFICIAL[text])))
    if text in _PLAIN:
        return Named(text, _PLAIN[text]())
    if otlp_target.is_address(text):
        return Named(otlp_target.name(text), OtlpSink(otlp_target.own(text, environ)))
    if ":" not in text:
        return Named(text, ExporterSink(text, variable))
    raise ConfigurationError(
        f"{variable}={quote(text)!r} is not supported yet; use otlp, otlp+http://HOST:PORT, otlp+https://HOST:PORT, "
        "otlp+grpc://HOST:PORT, an exporter's name, otel, console or none"
    )


def path_of(thing: Any) -> str:
    """``module:name``; an object without a name of its own goes by its class."""
    name = getattr(thing, "__qualname__", None) or type(thing).__qualname__
    return f"{thing.__module__}:{name}"


def _each_once(named: Sequence[Named]) -> list[Named]:
    """A text given twice is one sink; two objects of one name are told apart by number, for each has its own cursor."""
    once: dict[str, Named] = {}
    for name, sink in named:
        if isinstance(sink, (*_OF_OTEL, ConsoleSink)):
            once.setdefault(name, Named(name, sink))
            continue
        number = sum(other.partition("#")[0] == name for other in once)
        unique = f"{name}#{number + 1}" if number else name
        once[unique] = Named(unique, sink)
    return list(once.values())
