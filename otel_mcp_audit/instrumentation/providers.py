"""What ``instrument()`` was given instead of the environment and the global providers."""

from typing import Any

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.instrumentation.spans import TRACING
from otel_mcp_audit.runtime import RUNTIME


def use(
    *, settings: Any = None, tracer_provider: Any = None, logger_provider: Any = None, meter_provider: Any = None
) -> None:
    """Use what is not None.

    Raises:
        ConfigurationError: an argument whose mechanism is not built yet.
    """
    for name, given in (("logger_provider", logger_provider), ("meter_provider", meter_provider)):
        if given is not None:
            raise ConfigurationError(f"instrument({name}=...): not supported yet; leave it out")
    if settings is not None:
        RUNTIME.configure(settings)
    if tracer_provider is not None:
        TRACING.provider = tracer_provider
