"""Marked tools on a fastmcp server, and on one that it mounts, called once each: ``python marked.py``."""

import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from otel_mcp_audit import annotate, audited

fastmcp: Any = import_module("fastmcp")
server: Any = fastmcp.FastMCP("marked")
ward: Any = fastmcp.FastMCP("ward")


@server.tool
@audited(resource="patient:{patient_id}", sensitivity="restricted", phi=True)
def below(patient_id: str) -> list[str]:
    """Give the chart's entries."""
    annotate(purpose="treatment")
    return [patient_id]


@audited(resource="patient:{patient_id}", sensitivity="restricted", phi=True)
@server.tool
def above(patient_id: str) -> list[str]:
    """Give the chart's entries."""
    annotate(purpose="treatment")
    return [patient_id]


@ward.tool
@audited(resource="ward:{name}")
async def mounted(name: str = "intensive") -> str:
    """Take the default."""
    return name


@server.tool
def unmarked() -> str:
    """Call a marked function inside this call: a function of one's own, whose mark adds to the call that runs it."""
    return helper("lab")


@audited(resource="sample:{kind}")
def helper(kind: str) -> str:
    """Touch something."""
    return kind


async def main() -> None:
    """Call each once."""
    server.mount(ward, **{"prefix" if version("fastmcp").startswith("2.") else "namespace": "ward"})
    async with fastmcp.Client(server) as client:
        for name in ("below", "above"):
            await client.call_tool(name, {"patient_id": "4711"})
        await client.call_tool("ward_mounted", {})
        await client.call_tool("unmarked", {})


if __name__ == "__main__":
    anyio.run(main)
