"""A Python that ``otel-mcp-audit run`` started, at its start: the loader runs, and what went wrong in it is refused.

Imported in every child Python too, so everything but the loader itself waits until there is something to say.
"""

import importlib
import logging
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

Refusal = Callable[[str], None]

FIRST: Final = Path(__file__).with_name("first")
"""The folder that stands first on PYTHONPATH under ``run``."""

LOADER: Final = "opentelemetry.instrumentation.auto_instrumentation"

_SEAMS: Final = "otel_mcp_audit.instrumentation.seams"


def begin(refuse: Refusal, stop: Refusal, *, first: bool) -> None:
    """Run the loader, and see to it that nothing is served unaudited.

    Args:
        refuse: called where the loader failed or never reached us.
        stop: ends the process; called where a server is about to serve that would not be audited.
        first: whether this is the command's own process: what a server needs is looked at now, since a supervisor
            would start failing workers for ever.
    """
    failures = load()
    if failures:
        refuse("; ".join(failures))
        return
    seams: Any = importlib.import_module(_SEAMS)
    if not seams.installed():
        refuse(_never_reached())
        return
    if first:
        seams.look()
        _see_wrapped(seams, stop)
        _say_what_is_missing()
    _watch_kernels(seams, stop)


def load() -> list[str]:
    """Run the loader as OpenTelemetry's own ``sitecustomize`` does; answers what failed in it, in words."""
    ear = _Ear()
    error: BaseException | None = None
    with ear.listening(), _not_for_children():
        try:
            importlib.import_module(LOADER).initialize(swallow_exceptions=False)
        except (Exception, SystemExit) as raised:  # noqa: BLE001 -- whatever a distribution raises is to be named
            error = raised
    heard = [record for record in ear.failures if record.name.startswith(LOADER)]
    if error is not None or heard:
        return _failure().describe(error, heard, os.environ)
    for record in ear.failures:
        logging.getLogger().callHandlers(record)
    return _passed_over()


def _failure() -> Any:
    return importlib.import_module("otel_mcp_audit.loader.failure")


def _passed_over() -> list[str]:
    """What the loader says nothing of, or too quietly: a distribution or configurator that is not there."""
    if not any(os.environ.get(name) for name in ("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR")):
        return []
    return _failure().passed_over(os.environ)


class _Ear(logging.Handler):
    """Keeps what OpenTelemetry logs with a traceback, which is how the loader passes over a failure.

    Attributes:
        failures: the records, in their order. All others go where they would have gone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.failures.append(record)
        else:
            logging.getLogger().callHandlers(record)

    @contextmanager
    def listening(self) -> Generator[None]:
        """Listen to all of OpenTelemetry's loggers."""
        logger = logging.getLogger("opentelemetry")
        propagated, logger.propagate = logger.propagate, False
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.propagate = propagated


@contextmanager
def _not_for_children() -> Generator[None]:
    """A Python that some part starts while it is loaded must not load all of it again, and so on."""
    path = os.environ.get("PYTHONPATH")
    if path is not None:
        os.environ["PYTHONPATH"] = os.pathsep.join(part for part in path.split(os.pathsep) if Path(part) != FIRST)
    try:
        yield
    finally:
        if path is not None:
            os.environ["PYTHONPATH"] = path


def _never_reached() -> str:
    disabled = os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "")
    if disabled:
        return f"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={disabled!r} names us: take mcp_audit or * out of it"
    return "the loader found no entry point of otel-mcp-audit: install the package anew, with its metadata"


def _see_ready(stop: Refusal) -> None:
    importlib.import_module("otel_mcp_audit.runtime").RUNTIME.insists = True
    problems = importlib.import_module("otel_mcp_audit.loader.readiness").problems(os.environ)
    if problems:
        stop("; ".join(problems))


def _say_what_is_missing() -> None:
    metadata = importlib.import_module("importlib.metadata")
    if not metadata.entry_points(group="opentelemetry_distro"):
        _say("no distro is installed, so spans and metrics go nowhere: pip install opentelemetry-distro")
    if os.environ.get("OTEL_MCP_AUDIT_DISABLED", "").strip().lower() == "true":
        _say("OTEL_MCP_AUDIT_DISABLED=true: calls are NOT audited, and the trail says so")


def _say(text: str) -> None:
    if sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison] -- None in some daemons
        sys.stderr.write(f"otel-mcp-audit run: {text}\n")


def _watch_kernels(seams: Any, stop: Refusal) -> None:
    """Where a kernel is imported, see that it was really wrapped, and that a trail can be kept."""
    wrapt: Any = importlib.import_module("wrapt")
    for module in dict.fromkeys(seam.module for seam in seams.SEAMS):
        wrapt.register_post_import_hook(partial(_see_imported, seams, stop), module)


def _see_imported(seams: Any, stop: Refusal, module: ModuleType) -> None:
    del module
    _see_wrapped(seams, stop)


def _see_wrapped(seams: Any, stop: Refusal) -> None:
    if seams.problems():
        stop("; ".join(seams.problems()))
    _see_ready(stop)
