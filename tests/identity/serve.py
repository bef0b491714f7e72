"""Start a server that knows users by their tokens: ``python serve.py {stdio|stateless|stateful} [SOCKET]``."""

import sys
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.auth.settings import AuthSettings

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.identity import tokens
from tests.scenes import fastmcp_servers, kernel, tools

NAME = "directory"


def main(how: str, socket: str | None = None) -> None:
    """Serve until the client leaves or a signal comes."""
    if how == "stdio":
        built, _ = _server({}, protected=False)
        built.run(**({"show_banner": False} if kernel.FASTMCP else {}))
        return
    built, options = _server({"stateless_http": True} if how == "stateless" else {}, protected=True)
    application = built.http_app(**options) if kernel.FASTMCP else built.streamable_http_app(**options)
    where: dict[str, Any] = {"uds": socket} if socket else {"host": "127.0.0.1", "port": 0}
    uvicorn.run(application, **where)


def _server(options: dict[str, Any], *, protected: bool) -> tuple[Any, dict[str, Any]]:
    """A server with one tool, and what its application is still to be told."""
    if kernel.FASTMCP:
        built: Any = fastmcp_servers.names().FastMCP(NAME, **({"auth": tokens.of_fastmcp()} if protected else {}))
        built.tool(tools.echo)
        return built, options
    guard = {"token_verifier": tokens.Verifier(), "auth": _auth()} if protected else {}
    before, after = ({}, options) if kernel.MODERN else (options, {})  # 1.x: an option of the server's
    built = kernel.Framework(NAME, log_level="ERROR", **guard, **before)
    built.add_tool(tools.echo)
    return built, after


def _auth() -> AuthSettings:
    options = {"issuer_url": tokens.ISSUER, "resource_server_url": "http://127.0.0.1/mcp"}
    return AuthSettings.model_validate({**options, "required_scopes": [], "validate_token_resource": False})


if __name__ == "__main__":
    main(*sys.argv[1:])
