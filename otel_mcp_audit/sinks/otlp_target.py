"""Where OTLP goes and how: read from the standard variables, so that a wrong value is found at the start."""

import hashlib
import math
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.sinks.quote import quote

Protocol = Literal["grpc", "http/protobuf"]

TIMEOUT: Final = 35.0
"""Seconds of one request where no variable says otherwise: above a Collector's own 30 towards its destination."""

LONGEST_TIMEOUT: Final = 60.0
"""Seconds that no variable can exceed: 10000 is ten seconds in the specification, almost three hours in Python."""

_PROTOCOLS: Final[dict[str, Protocol]] = {"grpc": "grpc", "http/protobuf": "http/protobuf"}
_COMPRESSIONS: Final[dict[Protocol, tuple[str, ...]]] = {
    "grpc": ("none", "gzip"),
    "http/protobuf": ("none", "gzip", "deflate"),
}
_PORTS: Final[dict[Protocol, int]] = {"grpc": 4317, "http/protobuf": 4318}
_SCHEMES: Final[dict[str, Protocol]] = {
    "otlp+http": "http/protobuf",
    "otlp+https": "http/protobuf",
    "otlp+grpc": "grpc",
}
_LOGS_PATH: Final = "/v1/logs"
_CREDENTIAL_PROVIDERS: Final = (
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_LOGS_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
)


class Target(NamedTuple):
    """One OTLP destination.

    Attributes:
        protocol: ``grpc`` or ``http/protobuf``.
        endpoint: for HTTP the full URL of the logs, for gRPC ``http://host:port`` or ``host:port``.
        timeout: seconds of one request.
        compression: what the user asked for, None where nothing.
    """

    protocol: Protocol
    endpoint: str
    timeout: float
    compression: str | None


def standard(environ: Mapping[str, str], protocol: Protocol | None = None) -> Target:
    """The destination of this process's OTel logs; by ``protocol``, whatever a variable says, where it is given.

    Raises:
        ConfigurationError: a variable that cannot be used.
    """
    protocol = protocol or _protocol(environ)
    return _target(protocol, _endpoint(protocol, environ), environ)


def own(text: str, environ: Mapping[str, str]) -> Target:
    """A destination by its own address, ``otlp+http://host:port`` and the like; all but protocol and address as usual.

    A path that is given is used as it is; without one it is ``/v1/logs``.

    Raises:
        ConfigurationError: no usable address, or a variable that cannot be used.
    """
    url = _split(text)
    protocol = _SCHEMES[url.scheme]
    netloc = url.netloc if url.port or url.scheme == "otlp+https" else f"{url.netloc}:{_PORTS[protocol]}"
    scheme = "https" if url.scheme == "otlp+https" else "http"
    if protocol == "grpc":
        return _target(protocol, f"{scheme}://{netloc.rpartition('@')[2]}", environ)
    path = url.path if url.path.strip("/") else _LOGS_PATH
    return _target(protocol, url._replace(scheme=scheme, netloc=netloc, path=path).geturl(), environ)


def is_address(text: str) -> bool:
    """Whether the text is an OTLP destination's own address."""
    return text.partition("://")[0] in _SCHEMES


def name(text: str) -> str:
    """The address without credentials; a path or query, which may hold one, only as a fingerprint."""
    url = _split(text)
    shown = f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
    rest = url.path.rstrip("/") + url.query
    return f"{shown}~{hashlib.sha256(rest.encode()).hexdigest()[:8]}" if rest else shown


def _split(text: str) -> SplitResult:
    url = _parsed(text)
    if url is None:
        raise ConfigurationError(
            f"OTEL_MCP_AUDIT_SINKS={quote(text)!r} is no address; write it like otlp+http://collector:4318"
        )
    return url


def _parsed(text: str) -> SplitResult | None:
    """The parts of a URL; None where it has no host, or a port that there cannot be."""
    try:
        url = urlsplit(text)
        return url if url.hostname and url.port != 0 else None
    except ValueError:
        return None


def _target(protocol: Protocol, endpoint: str, environ: Mapping[str, str]) -> Target:
    _refuse_credential_provider(protocol, environ)
    return Target(protocol, endpoint, _timeout(environ), _compression(protocol, environ))


def _found(environ: Mapping[str, str], *variables: str) -> tuple[str, str | None]:
    """The first variable that is set to something, and its value."""
    for variable in variables:
        if value := environ.get(variable, "").strip():
            return variable, value
    return variables[-1], None


def _protocol(environ: Mapping[str, str]) -> Protocol:
    variable, value = _found(environ, "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    protocol = _PROTOCOLS.get((value or "grpc").lower())
    if protocol is None:
        raise ConfigurationError(f"{variable}={quote(value or '')!r} is not supported; use grpc or http/protobuf")
    return protocol


def _endpoint(protocol: Protocol, environ: Mapping[str, str]) -> str:
    default = f"http://localhost:{_PORTS[protocol]}"
    variable, value = _found(environ, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    endpoint = value or default
    url = _parsed(endpoint if "://" in endpoint or protocol == "http/protobuf" else f"//{endpoint}")
    if url is None or (protocol == "http/protobuf" and url.scheme not in {"http", "https"}):
        hint = "" if protocol == "grpc" else ", or set OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
        raise ConfigurationError(f"{variable}={quote(endpoint)!r} is no address; write it like {default}{hint}")
    if protocol == "grpc" or variable == "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT":
        return endpoint
    return endpoint.rstrip("/") + _LOGS_PATH


def _timeout(environ: Mapping[str, str]) -> float:
    variable, value = _found(environ, "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
    if value is None:
        return TIMEOUT
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise ConfigurationError(
            f"{variable}={quote(value)!r} is no time; give seconds above 0 without a unit, such as 10"
        )
    return min(seconds, LONGEST_TIMEOUT)


def _compression(protocol: Protocol, environ: Mapping[str, str]) -> str | None:
    variable, value = _found(environ, "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION")
    if value is None:
        return None
    known = _COMPRESSIONS[protocol]
    if value.lower() not in known:
        raise ConfigurationError(
            f"{variable}={quote(value)!r} is not supported over {protocol}; use {', '.join(known)}"
        )
    return value.lower()


def _refuse_credential_provider(protocol: Protocol, environ: Mapping[str, str]) -> None:
    variable, value = _found(environ, *_CREDENTIAL_PROVIDERS)
    if value is not None and protocol == "http/protobuf":
        raise ConfigurationError(
            f"{variable}={quote(value)!r} is not supported yet; send the credentials with "
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS, or use grpc"
        )
