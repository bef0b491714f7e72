"""What ``instrument()`` was given instead of the environment and the global providers."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

from otel_mcp_audit import metrics
from otel_mcp_audit.instrumentation.spans import TRACING
from otel_mcp_audit.runtime import RUNTIME
from otel_mcp_audit.settings import PREFIX, read


def use(
    *, settings: Any = None, tracer_provider: Any = None, logger_provider: Any = None, meter_provider: Any = None
) -> None:
    """Use what is not None.

    Raises:
        ConfigurationError: settings in which no trail can be relied on, although one must be.
    """
    if meter_provider is not None:
        metrics.use(meter_provider)
    problems: list[str] = []
    if isinstance(settings, Mapping):
        settings, problems = read({**os.environ, **_as_variables(cast("Mapping[str, object]", settings))})
    RUNTIME.configure(settings, problems=problems, logger_provider=logger_provider)
    if tracer_provider is not None:
        TRACING.provider = tracer_provider


def _as_variables(settings: Mapping[str, object]) -> dict[str, str]:
    """What stands in a configuration file, as the environment would say it: one reader for both, and its messages."""
    return {PREFIX + field.upper(): _text(value) for field, value in settings.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(str, cast("Sequence[object]", value)))
    return "" if value is None else str(value)
