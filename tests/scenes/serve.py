"""Start a scenes' server: ``python serve.py STYLE {stdio|http|stateless|sse}``; on a free loopback port."""

import sys
from pathlib import Path
from typing import Any, cast

import anyio
import uvicorn
from mcp.server.stdio import stdio_server
from opentelemetry import context, propagate

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.scenes import servers
from tests.scenes.kernel import STYLES, Style, Transport


class Traced:
    """What instrumented HTTP servers do: a request is handled in the context that its ``traceparent`` header names."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", ())}
        token = context.attach(propagate.extract(headers))
        try:
            await self._application(scope, receive, send)
        finally:
            context.detach(token)


async def _lowlevel_over_stdio() -> None:
    server = servers.build("lowlevel")
    async with stdio_server() as (receive, send):
        await server.run(receive, send, server.create_initialization_options())


def main(style: Style, transport: str) -> None:
    """Serve until the client leaves or a signal comes."""
    if transport in {"http", "stateless", "sse"}:
        application = Traced(servers.build_application(style, cast("Transport", transport)))
        uvicorn.run(application, host="127.0.0.1", port=0)
    elif style == "fastmcp":
        servers.build(style).run(transport="stdio", show_banner=False)
    elif style == "framework":
        servers.build(style).run()
    else:
        anyio.run(_lowlevel_over_stdio)


if __name__ == "__main__":
    main(next(style for style in STYLES if style == sys.argv[1]), sys.argv[2])
