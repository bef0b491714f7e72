"""uvicorn's workers and its reloaded server: they run nothing of the program that called ``instrument()``.

Under ``opentelemetry-instrument`` each of them is instrumented like any Python; here the same comes with what they run.
"""

import pickle
from collections.abc import Callable, Mapping
from typing import Any

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation import seams
from otel_mcp_audit.runtime import RUNTIME
from otel_mcp_audit.settings import Settings


class Instrumented:
    """What a worker runs, instrumented first.

    Args:
        target: what it would run without us; has to stand pickling, as it had to anyway.
        settings: given to ``instrument()`` in the parent; None leaves the environment in charge.
    """

    def __init__(self, target: Callable[..., Any], settings: Settings | None) -> None:
        self._target = target
        self._settings = settings

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it."""
        if self._settings is not None:
            RUNTIME.configure(self._settings)
        seams.install()
        return self._target(*args, **kwargs)


def get_subprocess(
    wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """``get_subprocess(config, target, sockets)``: what makes a worker, not yet started."""
    del instance
    given = dict(zip(("config", "target", "sockets"), args, strict=False)) | dict(kwargs)
    if "target" in given:
        given["target"] = Instrumented(given["target"], _portable(RUNTIME.given))
    return wrapped(**given)


def _portable(settings: Settings | None) -> Settings | None:
    """The settings if they can be handed to another process: a sink of the application's own may not let itself be."""
    try:
        pickle.dumps(settings)
    except Exception as error:  # noqa: BLE001 -- an application's own object can raise anything when it is pickled
        text = f"the settings of instrument() cannot be pickled ({type(error).__name__}): workers use the environment's"
        faults.report("uvicorn workers", text)
        return None
    return settings
