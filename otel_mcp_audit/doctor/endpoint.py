"""What the destinations of this environment answer, asked with an export of no records."""

import math
from collections.abc import Iterator
from typing import Final

from otel_mcp_audit.doctor.check import Check
from otel_mcp_audit.doctor.subject import Subject
from otel_mcp_audit.errors import AuditError
from otel_mcp_audit.sinks.otlp import OtlpSink

_PATIENCE: Final = 5.0
"""Seconds that an answer is waited for, whatever the timeout in force."""

_TIMEOUTS: Final = ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_MILLISECONDS: Final = 1000.0


def endpoints(subject: Subject) -> Iterator[Check]:
    """Ask each OTLP destination once."""
    for name, sink in subject.sinks or ():
        if isinstance(sink, OtlpSink):
            yield _asked(name, sink, subject)


def _asked(name: str, sink: OtlpSink, subject: Subject) -> Check:
    sink.target = sink.target._replace(timeout=min(sink.target.timeout, _PATIENCE))
    where = f"{name} of this environment ({sink.target.protocol})"
    try:
        sink.write(())
    except AuditError as error:
        if name == "otlp" and not any(subject.environ.get(variable) for variable in _ENDPOINTS):
            return Check(
                "endpoint",
                "warn",
                f"{where}, whose default stands for what no variable names here: {error}",
                "if the server has an endpoint, run doctor with its variables; else set OTEL_EXPORTER_OTLP_ENDPOINT",
            )
        return Check(
            "endpoint", "fail", f"{where}: {error}", "see that it is an OTLP receiver, and reachable from here"
        )
    finally:
        sink.close()
    return Check("endpoint", "ok", f"{where} takes records")


def timeout(subject: Subject) -> Iterator[Check]:
    """The timeout in force, with its unit: Python counts it in seconds, the specification in milliseconds."""
    for name, sink in subject.sinks or ():
        if isinstance(sink, OtlpSink):
            yield _timeout(name, sink.target.timeout, subject)
            return


def _timeout(name: str, seconds: float, subject: Subject) -> Check:
    variable = next((each for each in _TIMEOUTS if subject.environ.get(each, "").strip()), None)
    detail = f"a request of {name} may take {seconds:g} s"
    if variable is None or _number(subject.environ[variable]) < _MILLISECONDS:
        return Check("timeout", "ok", detail)
    return Check(
        "timeout",
        "warn",
        f"{detail}, though {variable}={subject.environ[variable].strip()}: Python's exporters count it in seconds",
        f"write seconds, such as {variable}=10",
    )


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan
