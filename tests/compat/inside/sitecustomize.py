"""Put into the environment of a suite: while the switch is on, every Python that starts there audits its MCP servers.

Also the servers that a test starts as processes, to which the SDK's clients hand down almost no variables.
"""

import sys
from pathlib import Path
from typing import Any

SWITCH = Path(sys.prefix, "auditing")
"""Its text is the journal's folder."""


def audit(folder: str) -> None:
    """Audit into the folder, as an application does that instruments itself."""
    import wrapt

    from otel_mcp_audit import MCPAuditInstrumentor, Settings

    MCPAuditInstrumentor().instrument(settings=Settings(dir=folder, sinks="none"))
    wrapt.register_post_import_hook(_let_us_write, "blockbuster")


def _let_us_write(blockbuster: Any) -> None:
    """The suite of mcp 2.x forbids whatever the SDK calls to block its event loop; a record is one bounded write."""
    import otel_mcp_audit.instrumentation as ours

    files = [f"otel_mcp_audit/instrumentation/{path.name}" for path in Path(ours.__path__[0]).glob("*.py")]
    original = blockbuster.BlockBuster.__init__

    def exempting(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        for function in self.functions.values():
            for file in files:
                function.can_block_in(file, _Every())

    blockbuster.BlockBuster.__init__ = exempting


class _Every:
    """A set of all names."""

    def __contains__(self, _: object) -> bool:
        return True


if SWITCH.exists():
    audit(SWITCH.read_text(encoding="utf-8"))
