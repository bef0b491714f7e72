"""Instruments MCP servers: seams in the kernels, installed when a kernel is imported, and never before."""

import importlib
from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # pyright: ignore[reportMissingTypeStubs] -- none

from otel_mcp_audit.instrumentation import seams

_ARGUMENTS = ("settings", "tracer_provider", "logger_provider", "meter_provider")


class MCPAuditInstrumentor(BaseInstrumentor):
    """Audits every MCP server of this process.

    ``instrument(settings=None, tracer_provider=None, logger_provider=None, meter_provider=None)`` may be called before
    or after the kernels are imported, once or again; ``uninstrument()`` restores everything. Under
    ``opentelemetry-instrument`` the pre-instrument hook has done the same already.

    Raises:
        ConfigurationError: an argument whose mechanism is not built yet.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: ``instruments-any`` in the package metadata lets us load beside any kernel; versions are our check."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        given = {name: value for name in _ARGUMENTS if (value := kwargs.get(name)) is not None}
        if given:  # else nothing is imported that a process without an MCP server would pay for
            importlib.import_module(f"{__name__}.providers").use(**given)
        seams.install()

    def _uninstrument(self, **kwargs: Any) -> None:
        seams.uninstall()
