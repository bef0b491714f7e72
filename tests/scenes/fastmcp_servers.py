"""The package fastmcp's servers, 2.14 to 4.x: with a mounted and a proxied server, and with what refuses calls."""

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from tests.scenes import kernel, offers, tools
from tests.scenes.accounts import CLIENT, SCOPE, Account, claims

MOUNTED: Final = "child"
PROXIED: Final = "behind"
ADMIN: Final = "admin"
"""The scope that nobody has."""

SECRET: Final = "scenes://secret"
SECRETS: Final = "scenes://secrets/{n}"


def names(module: str = "") -> Any:
    """The package, or a module of it by its name: imported by servers only, since importing it warns."""
    return import_module(f"fastmcp.{module}".rstrip("."))


def server(name: str, *more: Callable[..., Any], **options: Any) -> Any:
    """A server with every scene's tools, ``more`` of them, a mounted and a proxied server, and a middleware."""
    built = _plain(name, *tools.TOOLS, *more, **options)
    _mount(built, _plain(MOUNTED, tools.echo, tools.boom), MOUNTED)
    _mount(built, _proxy(_plain(PROXIED, tools.echo, tools.boom)), PROXIED)
    built.add_tool(_renamed())
    built.add_middleware(_refusing())
    return built


def _renamed() -> Any:
    """A tool made of another, with its argument under another name."""
    tool: Any = names("tools").Tool
    words: Any = names("tools.tool_transform").ArgTransform(name="words")
    return tool.from_tool(tool.from_function(tools.echo), name="renamed", transform_args={"text": words})


def _plain(name: str, *functions: Callable[..., Any], **options: Any) -> Any:
    built = names().FastMCP(name, **options)
    for function in functions:
        built.tool(function)
    for uri, resource in offers.RESOURCES.items():
        built.resource(uri)(resource)
    for prompt in offers.PROMPTS:
        built.prompt(prompt)
    if kernel.FASTMCP >= 3:
        only = names("server.auth").require_scopes(ADMIN)
        built.tool(secret, auth=only)
        built.resource(SECRET, auth=only)(secret)
        built.resource(SECRETS, auth=only)(secrets)
        built.prompt(secret, auth=only)
    if kernel.FASTMCP >= 4:
        built.completion(offers.complete)
    return built


def secret() -> str:
    """Only for those with a scope that nobody has."""
    return "secret"


def secrets(n: str) -> str:
    """Likewise, one of many."""
    return n


def forbidden() -> str:
    """A middleware lets nobody in here."""
    return "never"


def _mount(parent: Any, child: Any, name: str) -> None:
    parent.mount(child, **{"prefix" if kernel.FASTMCP == 2 else "namespace": name})


def _proxy(backend: Any) -> Any:
    if kernel.FASTMCP == 2:
        return names().FastMCP.as_proxy(backend)
    return names("server").create_proxy(backend)


def _refusing() -> Any:
    base: Any = names("server.middleware").Middleware
    exceptions: Any = names("exceptions")

    class Refusing(base):
        """Refuses calls by the tool's name: with the framework's word for it, or with an ordinary tool error."""

        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            if context.message.name == "forbidden":
                raise exceptions.AuthorizationError("not you")
            if context.message.name == "unwelcome":
                raise exceptions.ToolError("not now")
            return await call_next(context)

    return Refusing()


def application(built: Any, transport: kernel.Transport) -> Any:
    """The ASGI application."""
    options = {"stateless": {"stateless_http": True}, "sse": {"transport": "sse"}}
    return built.http_app(**options.get(transport, {}))


def verifier(identify: Callable[[str], Account | None]) -> Any:
    """An auth provider that knows the accounts' bearer tokens."""
    authorisation: Any = names("server.auth")
    base: Any = authorisation.TokenVerifier

    class Knowing(base):
        """Answers the framework's own token, with claims."""

        async def verify_token(self, token: str) -> Any:
            known = identify(token)
            return known and authorisation.AccessToken(
                token=token, client_id=CLIENT, scopes=[SCOPE], claims=claims(known)
            )

    return Knowing(required_scopes=[SCOPE])


async def call_own(built: Any, name: str, arguments: dict[str, Any]) -> None:
    """A server's call of one of its own tools, outside any request; on 2 there is no public way."""
    if kernel.FASTMCP > 2:
        await built.call_tool(name, arguments)
        return
    await within(built, built._call_tool_middleware, name, arguments)


async def within(built: Any, function: Callable[..., Any], *arguments: Any) -> None:
    """What a server of 2 does itself: nothing of it is public, and it wants a context of the framework's."""
    async with names("server.context").Context(fastmcp=built):
        await function(*arguments)


def client(built: Any, era: kernel.Era) -> Any:
    """The package's own client, in the same process."""
    parameters = inspect.signature(names().Client).parameters
    mode = {"mode": "legacy" if era == "legacy" else "auto"} if "mode" in parameters else {}
    return names().Client(built, **mode)
