"""A program that instruments itself: ``python in_code.py {before|after} {http|workers|reload}``.

``before`` and ``after`` the import of the kernel; only the program does it, not the module that its workers import.
"""

import sys
from pathlib import Path

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from otel_mcp_audit import MCPAuditInstrumentor


def main(order: str, what: str) -> None:
    """Instrument and serve."""
    if order == "before":
        MCPAuditInstrumentor().instrument()
    import uvicorn

    from tests.starts.running import APPLICATION

    if order == "after":
        MCPAuditInstrumentor().instrument()
    if what == "workers":
        uvicorn.run(APPLICATION, port=0, workers=2)
    elif what == "reload":
        uvicorn.run(APPLICATION, port=0, reload=True, reload_dirs=[str(Path(__file__).parent)])
    else:
        from tests.starts import application

        uvicorn.run(application.app, port=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
