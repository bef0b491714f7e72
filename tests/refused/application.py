"""One program with a server behind each HTTP transport, all behind bearer tokens and behind checks of host and origin.

Started as ``python application.py``, on a free loopback port.
"""

import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import uvicorn
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.refused.tokens import VERIFIED, verified
from tests.scenes import fastmcp_servers, kernel, tools
from tests.scenes.accounts import SCOPE

TRANSPORTS: Final = ("stateful", "stateless", "json", "sse")
"""Each is served below a path of its name."""

_OPTIONS: Final[dict[str, dict[str, Any]]] = {"stateless": {"stateless_http": True}, "json": {"json_response": True}}
_SECURITY: Final = TransportSecuritySettings(
    enable_dns_rebinding_protection=True,
    allowed_hosts=["127.0.0.1:*"],
    allowed_origins=["http://127.0.0.1:*"],
)


class Verifier:
    """A ``TokenVerifier`` that the SDK asks for every request."""

    async def verify_token(self, token: str) -> Any:
        """The token's identity, or None where nobody has it."""
        return verified(token)


def applications() -> dict[str, Any]:
    """The ASGI application of each transport."""
    build = _fastmcp if kernel.FASTMCP else _sdk
    return {transport: build(transport) for transport in TRANSPORTS}


def _sdk(transport: str) -> Any:
    auth = AuthSettings.model_validate(
        {
            "issuer_url": "https://idp.example",
            "resource_server_url": "http://127.0.0.1/mcp",
            "required_scopes": [SCOPE],
            "validate_token_resource": False,
        }
    )
    options = {"transport_security": _SECURITY, **_OPTIONS.get(transport, {})}
    before, after = ({}, options) if kernel.MODERN else (options, {})  # 1.x: options of the server's
    server = kernel.Framework(transport, log_level="CRITICAL", token_verifier=Verifier(), auth=auth, **before)
    server.add_tool(tools.echo)
    return server.sse_app(**after) if transport == "sse" else server.streamable_http_app(**after)


def _fastmcp(transport: str) -> Any:
    authorisation: Any = fastmcp_servers.names("server.auth")
    base: Any = authorisation.TokenVerifier
    fields = authorisation.AccessToken.model_fields

    class Knowing(base):
        """Answers the framework's own token, with claims."""

        async def verify_token(self, token: str) -> Any:
            found = VERIFIED.get(token)
            subject = {"subject": found["claims"]["sub"]} if found and "subject" in fields else {}
            return found and authorisation.AccessToken(token=token, **found, **subject)

    server = fastmcp_servers.names().FastMCP(transport, auth=Knowing(required_scopes=[SCOPE]))
    server.tool(tools.echo)
    if kernel.FASTMCP >= 3:
        server.tool(fastmcp_servers.secret, auth=authorisation.require_scopes(fastmcp_servers.ADMIN))
    checks = {"host_origin_protection": True} if kernel.FASTMCP >= 3 else {}
    kind = {"transport": "sse"} if transport == "sse" else _OPTIONS.get(transport, {})
    application = server.http_app(**kind, **checks)
    application.routes.append(Route("/own", _own, methods=["GET"]))
    return application


async def _own(_request: Any) -> PlainTextResponse:
    """A route of the application's own, which is not MCP's: what it refuses is its own affair."""
    return PlainTextResponse("no", status_code=403)


def together(served: dict[str, Any]) -> Starlette:
    """All of them in one program."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with AsyncExitStack() as running:
            for application in served.values():
                await running.enter_async_context(application.router.lifespan_context(application))
            yield

    return Starlette(routes=[Mount(f"/{name}", app=app) for name, app in served.items()], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(together(applications()), host="127.0.0.1", port=0, log_level="info")
