"""List the tools, then call one: ``python call.py PORT TOOL NAME=VALUE...``; ``TOKEN`` is the bearer token."""

import os
import sys

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main(port: str, tool: str, *pairs: str) -> None:
    """One client, one call; an error that the tool answers is an answer."""
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"} if "TOKEN" in os.environ else {}
    async with httpx2.AsyncClient(headers=headers) as http_client:
        transport = streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http_client)
        async with Client(transport) as client:
            await client.list_tools()
            await client.call_tool(tool, dict(pair.split("=", 1) for pair in pairs))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], *sys.argv[3:])
