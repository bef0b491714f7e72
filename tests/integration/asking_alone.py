"""Decorated functions whose async resolver is asked: ``python asking_alone.py LOOP FOLDER``.

Each function is called once, by the name that its record then has; prints what was counted.
"""

import json
import sys

import anyio
import anyio.lowlevel
from opentelemetry.instrumentation.instrumentor import (  # pyright: ignore[reportMissingTypeStubs] -- there are none
    BaseInstrumentor,
)

from otel_mcp_audit import Actor, Call, MCPAuditInstrumentor, Settings, audited, faults


@audited
async def looked_up() -> str:
    """What the resolver itself calls, which is audited too."""
    await anyio.lowlevel.checkpoint()
    return "ana"


async def who(call: Call) -> Actor | None:
    """Hang, or look somebody up."""
    if call.tool == "hung":
        await anyio.sleep_forever()
    return Actor(await looked_up(), tenant_id="acme")


@audited
async def asked() -> None:
    """An ordinary call."""
    await anyio.lowlevel.checkpoint()


@audited
async def hung() -> None:
    """Its resolver never answers."""
    await anyio.lowlevel.checkpoint()


@audited
async def taken_back() -> None:
    """Its caller has gone before it could begin."""
    await anyio.lowlevel.checkpoint()


@audited
def at_once() -> None:
    """Nothing can be awaited here."""


async def main() -> None:
    """Call everything once."""
    await asked()
    await hung()
    at_once()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await taken_back()
    print(json.dumps({"cancelled": scope.cancelled_caught, "counts": dict(faults.counts)}))


def instrument() -> BaseInstrumentor:
    """With the resolver given in code."""
    audit = MCPAuditInstrumentor()
    audit.instrument(settings=Settings(dir=sys.argv[2], sinks="none", identity=who))
    return audit


if __name__ == "__main__":
    instrument()
    anyio.run(main, backend=sys.argv[1])
