"""The pre-instrument hook of ``opentelemetry-instrument``.

It runs before any other instrumentor can break the loader, in every child Python too: so it costs next to nothing,
touches no file, and catches everything itself, since the loader does not.
"""

import logging
import os

from otel_mcp_audit.instrumentation import seams

_DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


def install() -> None:
    """Install the seams, unless the operator named us among the disabled instrumentations."""
    try:
        disabled = {name.strip() for name in os.environ.get(_DISABLED, "").split(",")}
        if disabled & {"mcp_audit", "*"}:
            logging.getLogger("otel_mcp_audit").warning("%s names us: MCP calls are NOT audited", _DISABLED)
        else:
            seams.install()
    except Exception:
        logging.getLogger("otel_mcp_audit").exception("seams not installed: MCP calls are NOT audited")
