"""The scenes' server with a companion switched on as its documentation says: ``application.py COMPANION TRANSPORT``."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))


def _instrument(module: str, name: str) -> None:
    getattr(import_module(module), name)().instrument()


def _sentry() -> None:
    sdk: Any = import_module("sentry_sdk")
    integration: Any = import_module("sentry_sdk.integrations.mcp")
    sdk.init(dsn=None, traces_sample_rate=1.0, integrations=[integration.MCPIntegration()])


def _logfire() -> None:
    sdk: Any = import_module("logfire")
    sdk.configure(send_to_logfire=False, console=False, inspect_arguments=False)
    sdk.instrument_mcp()


def _ddtrace() -> None:
    import_module("ddtrace.auto")
    assert import_module("starlette")._datadog_patch  # what carries the calls is patched: it is there and at work


COMPANIONS: Final[dict[str, Callable[[], None]]] = {
    "openinference": lambda: _instrument("openinference.instrumentation.mcp", "MCPInstrumentor"),
    "traceloop": lambda: _instrument("opentelemetry.instrumentation.mcp", "McpInstrumentor"),
    "ddtrace": _ddtrace,
    "logfire": _logfire,
    "sentry": _sentry,
}
"""Those that an application starts; the others come by the loader, or around the application."""


def main(companion: str, transport: str) -> None:
    """Start the companion, serve until the client leaves or a signal comes."""
    COMPANIONS.get(companion, lambda: None)()
    servers: Any = import_module("tests.scenes.servers")
    if transport == "stdio":
        servers.build("framework").run()
        return
    application = servers.build_application("framework", "http")
    if companion == "asgi":
        application = import_module("opentelemetry.instrumentation.asgi").OpenTelemetryMiddleware(application)
    import_module("uvicorn").run(application, host="127.0.0.1", port=0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
