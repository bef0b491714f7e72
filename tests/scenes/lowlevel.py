"""The low-level ``Server``: it leaves dispatch, and on 2.x validation too, to handlers of the application."""

import inspect
import json
import warnings
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import anyio.to_thread
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from tests.scenes import kernel, lowlevel_offers, tools
from tests.scenes.kernel import Transport

INVALID_PARAMS: Final = -32602
POST_TO: Final = "/messages/"
"""Where the messages of the older transport go."""

SCHEMAS: Final[dict[str, dict[str, str]]] = {
    "echo": {"text": "string"},
    "slow": {"seconds": "number", "tag": "string"},
    "block": {"seconds": "number"},
    "boom": {},
    "returns_error": {},
    "mcp_error": {},
    "rows": {"n": "integer"},
    "award": {"points": "integer"},
    "careless": {},
    "recognise": {"n": "integer"},
}
"""Tools this style offers, with the types of their arguments, all required."""

CHECKED: Final = frozenset({"award", "recognise"})
"""Those that promise what they return."""


def server(name: str) -> Any:
    """A low-level server of the installed kernel."""
    return _server_2x(name) if kernel.MODERN else _server_1x(name)


def _server_2x(name: str) -> Any:
    async def list_tools(_context: Any, _params: Any) -> Any:
        return kernel.types.ListToolsResult(tools=_listed())

    async def call_tool(_context: Any, params: Any) -> Any:
        arguments: dict[str, Any] = params.arguments or {}
        if params.name == "ask":
            return _result("answered") if params.request_state else kernel.more_is_needed()
        if set(arguments) != set(SCHEMAS.get(params.name, {"no such tool": ""})):
            raise kernel.protocol_error(INVALID_PARAMS, f"cannot call {params.name}")
        try:
            return _result(await _run(params.name, arguments))
        except kernel.ToolError as error:
            return kernel.error_result(str(error))

    untyped: Any = Server
    with warnings.catch_warnings():  # of what a newer protocol has no more
        warnings.simplefilter("ignore", UserWarning)
        return untyped(name, on_list_tools=list_tools, on_call_tool=call_tool, **lowlevel_offers.handlers_2x())


def _server_1x(name: str) -> Any:
    async def list_tools() -> Any:
        return _listed()

    async def call_tool(tool: str, arguments: dict[str, Any]) -> Any:
        if tool not in SCHEMAS:
            raise ValueError(f"Unknown tool: {tool}")
        value = await _run(tool, arguments)
        if tool not in CHECKED:
            return _result(value)
        structured: Any = value
        return structured if isinstance(value, dict) else _result(value).content

    untyped: Any = Server(name)
    untyped.list_tools()(list_tools)
    untyped.call_tool()(call_tool)
    lowlevel_offers.register_1x(untyped)
    return untyped


def _listed() -> list[Any]:
    return [kernel.types.Tool.model_validate(_listing(name)) for name in SCHEMAS]


def _listing(name: str) -> dict[str, Any]:
    properties = {argument: {"type": kind} for argument, kind in SCHEMAS[name].items()}
    listing: dict[str, Any] = {
        "name": name,
        "inputSchema": {"type": "object", "properties": properties, "required": list(properties)},
    }
    # 2.x clients check the answer against it, 1.x servers do: only there it is the server's failure.
    if name in CHECKED and not kernel.MODERN:
        listing["outputSchema"] = tools.Award.model_json_schema()
    return listing


async def _run(name: str, arguments: dict[str, Any]) -> Any:
    if name == "block":
        return await anyio.to_thread.run_sync(tools.block, arguments["seconds"])
    value = getattr(tools, name)(**arguments)
    return await value if inspect.isawaitable(value) else value


def _result(value: Any) -> Any:
    if isinstance(value, kernel.types.CallToolResult):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return kernel.types.CallToolResult.model_validate({"content": [{"type": "text", "text": text}]})


Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class _Endpoint:
    """A part of the SDK as an ASGI application: a class, so that Starlette does not take it for a view."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)


def application(mcp_server: Any, verifier: TokenVerifier, auth: AuthSettings, transport: Transport) -> Starlette:
    """Put together from the SDK's parts, as applications with a low-level server have to on 1.x, and for SSE."""
    stateless = transport == "stateless"
    if kernel.MODERN and transport != "sse":
        return mcp_server.streamable_http_app(auth=auth, token_verifier=verifier, stateless_http=stateless)

    def guarded(application: Application) -> RequireAuthMiddleware:
        return RequireAuthMiddleware(_Endpoint(application), auth.required_scopes or [])

    middleware = [
        Middleware(AuthenticationMiddleware, backend=BearerAuthBackend(verifier)),
        Middleware(AuthContextMiddleware),
    ]
    if transport == "sse":
        connect, post = _sse(mcp_server)
        return Starlette(routes=[Route("/sse", guarded(connect)), Mount(POST_TO, guarded(post))], middleware=middleware)
    manager = StreamableHTTPSessionManager(mcp_server, stateless=stateless)
    routes = [Route("/mcp", guarded(manager.handle_request))]
    return Starlette(routes=routes, middleware=middleware, lifespan=_lifespan(manager))


def _lifespan(manager: StreamableHTTPSessionManager) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    return lambda _: manager.run()


def _sse(mcp_server: Any) -> tuple[Application, Application]:
    older = SseServerTransport(POST_TO)

    async def connect(scope: Scope, receive: Receive, send: Send) -> None:
        async with older.connect_sse(scope, receive, send) as (incoming, outgoing):
            await mcp_server.run(incoming, outgoing, mcp_server.create_initialization_options())

    return connect, older.handle_post_message
