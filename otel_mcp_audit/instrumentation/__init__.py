"""Instruments MCP servers: seams in the kernels, installed when a kernel is imported, and never before."""

import importlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # pyright: ignore[reportMissingTypeStubs] -- none

from otel_mcp_audit.instrumentation import seams

_ARGUMENTS = ("settings", "tracer_provider", "logger_provider", "meter_provider")


@dataclass
class Configuration:
    """What stands under ``mcp_audit`` in a file that ``OTEL_CONFIG_FILE`` names.

    Attributes:
        settings: fields of ``Settings``; the environment speaks for those that are not there.
    """

    settings: dict[str, Any] | None = None


class MCPAuditInstrumentor(BaseInstrumentor):
    """Audits every MCP server of this process.

    ``instrument(settings=None, tracer_provider=None, logger_provider=None, meter_provider=None)`` may be called before
    or after the kernels are imported, once or again; ``uninstrument()`` restores everything. Under
    ``opentelemetry-instrument`` the pre-instrument hook has done the same already.

    Raises:
        ConfigurationError: settings in which no trail can be relied on, although one must be.
    """

    configuration = Configuration

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: ``instruments-any`` in the package metadata lets us load beside any kernel; versions are our check."""
        return ()

    def instrument(self, **kwargs: Any) -> None:
        """Audit from now on, with what is given; called again, also after the loader, what is given is taken over."""
        given = {name: value for name in _ARGUMENTS if (value := kwargs.get(name)) is not None}
        if given:  # else nothing is imported that a process without an MCP server would pay for
            importlib.import_module(f"{__name__}.providers").use(**given)
        if not self.is_instrumented_by_opentelemetry:
            super().instrument(**kwargs)

    def _instrument(self, **kwargs: Any) -> None:
        seams.install()

    def _uninstrument(self, **kwargs: Any) -> None:
        seams.uninstall()
