"""Any exporter of OpenTelemetry logs that is installed, driven by our delivery.

Nothing of it is imported before the first write, which delivery's thread does. What its ``export()`` answers is the
acknowledgement; we know no more than it says.
"""

import importlib.metadata
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.sinks.quote import quote
from otel_mcp_audit.sinks.sink import Unavailable

GROUP: Final = "opentelemetry_logs_exporter"
"""The entry points that ``OTEL_LOGS_EXPORTER`` names."""

_LOGS: Final = "otel_mcp_audit.sinks.otel_logs"
"""Loaded with the exporter: the SDK's logs cost as much as the rest of a start."""

_TAKEN: Final = "SUCCESS"


class ExporterSink:
    """Records by a ``LogRecordExporter``.

    Args:
        text: the entry point's name.
        variable: the setting that names it, for messages.

    Raises:
        ConfigurationError: no exporter of that name is installed.
    """

    def __init__(self, text: str, variable: str) -> None:
        self._where = f"{variable}={quote(text)!r}"
        self._entry_point = _entry_point(text, self._where)
        self._exporter: Any = None

    def write(self, records: Sequence[AuditRecord]) -> None:
        """Export the records, once; returns where the exporter says that they are taken.

        Raises:
            ConfigurationError: it cannot be made.
            Unavailable: it says that they are not taken, or does not say.
        """
        exporter = self.load()
        answer: object = import_module(_LOGS).export(exporter, records)
        said = getattr(answer, "name", None)
        if said != _TAKEN:
            raise Unavailable(f"{self._where}: its export() answered {said or quote(repr(answer))}, not {_TAKEN}")

    def load(self) -> Any:
        """The exporter, imported and made by its variables.

        Raises:
            ConfigurationError: it cannot be; the text says why.
        """
        if self._exporter is None:
            try:
                self._exporter = self._entry_point.load()()
            except Exception as error:  # a vendor's code: it may raise anything
                raise ConfigurationError(
                    f"{self._where}: {self._entry_point.value} cannot be used ({type(error).__name__}: "
                    f"{quote(str(error))}); mend that, or name another sink"
                ) from error
        return self._exporter

    def close(self) -> None:
        """Have the exporter flush what it holds, and shut it down."""
        exporter, self._exporter = self._exporter, None
        if exporter is not None:
            import_module(_LOGS).shut_down(exporter)


def _entry_point(text: str, where: str) -> importlib.metadata.EntryPoint:
    installed = {each.name: each for each in importlib.metadata.entry_points(group=GROUP)}
    if text not in installed:
        known = ", ".join(sorted({*installed, "console", "none", "otel", "otlp"}))
        raise ConfigurationError(
            f"{where}: no exporter of that name is installed; known: {known}; "
            "install the package that brings it, or name one of these or an address such as otlp+http://HOST:PORT"
        )
    return installed[text]
