"""Settings hold texts; here they become sinks. Nothing heavy is imported and nothing connected."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.sinks import otlp_target
from otel_mcp_audit.sinks.console import ConsoleSink
from otel_mcp_audit.sinks.otlp import OtlpSink
from otel_mcp_audit.sinks.quote import quote
from otel_mcp_audit.sinks.sink import FunctionSink, Named, Sink, Write

SINKS: Final = "OTEL_MCP_AUDIT_SINKS"
LOGS_EXPORTER: Final = "OTEL_LOGS_EXPORTER"
SDK_DISABLED: Final = "OTEL_SDK_DISABLED"

Part = str | Sink | Write | type[Sink]
Spec = Part | Sequence[Part] | None
"""A text (a comma list), a sink or its class, a function, or a sequence of these; None asks the process's OTel logs."""

_NONE: Final = "none"
_DEFAULT: Final = "otlp"


def resolve(spec: Spec, environ: Mapping[str, str]) -> list[Named]:
    """The sinks that a setting names, each once, in its order; none for ``none``.

    With ``OTEL_SDK_DISABLED=true`` nothing leaves by OTLP; what is kept can be shipped later.

    Args:
        spec: the setting's value; None means the names in ``OTEL_LOGS_EXPORTER``.
        environ: the environment. Certificates and headers are the exporter's to read, at the first write, from the
            process's own.

    Raises:
        ConfigurationError: a name that is not known, or a variable that cannot be used.
    """
    if spec is None:
        return _resolve(environ.get(LOGS_EXPORTER, "") or _DEFAULT, LOGS_EXPORTER, environ)
    return _resolve(spec, SINKS, environ)


def _resolve(spec: Part | Sequence[Part], variable: str, environ: Mapping[str, str]) -> list[Named]:
    parts = list(_parts(spec))
    if _NONE in parts and len(parts) > 1:
        raise ConfigurationError(f"{variable}: none stands alone; remove it, or the sinks beside it")
    named = _each_once([_named(part, variable, environ) for part in parts if part != _NONE])
    if environ.get(SDK_DISABLED, "").strip().lower() == "true":
        return [each for each in named if not isinstance(each.sink, OtlpSink)]
    return named


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
            f"{variable}: {_path(part)} is asynchronous; delivery has a thread of its own, use def"
        )
    if isinstance(part, Sink):
        return Named(_path(type(part)), part)
    if callable(part):
        return Named(_path(part), FunctionSink(part))
    raise ConfigurationError(
        f"{variable}: {type(part).__name__} is no sink; give a text, a function, or a class with write and close"
    )


def _from_text(text: str, variable: str, environ: Mapping[str, str]) -> Named:
    if text == "otlp":
        return Named(text, OtlpSink(otlp_target.standard(environ)))
    if text == "console":
        return Named(text, ConsoleSink())
    if otlp_target.is_address(text):
        return Named(otlp_target.name(text), OtlpSink(otlp_target.own(text, environ)))
    raise ConfigurationError(
        f"{variable}={quote(text)!r} is not supported yet; use otlp, otlp+http://HOST:PORT, otlp+https://HOST:PORT, "
        "otlp+grpc://HOST:PORT, console or none"
    )


def _path(thing: Any) -> str:
    """``module:name``; an object without a name of its own goes by its class."""
    name = getattr(thing, "__qualname__", None) or type(thing).__qualname__
    return f"{thing.__module__}:{name}"


def _each_once(named: Sequence[Named]) -> list[Named]:
    """A text given twice is one sink; two objects of one name are told apart by number, for each has its own cursor."""
    once: dict[str, Named] = {}
    for name, sink in named:
        if isinstance(sink, OtlpSink | ConsoleSink):
            once.setdefault(name, Named(name, sink))
            continue
        number = sum(other.partition("#")[0] == name for other in once)
        unique = f"{name}#{number + 1}" if number else name
        once[unique] = Named(unique, sink)
    return list(once.values())
