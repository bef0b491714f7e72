"""What the low-level server offers beside tools: the application's own handlers, without any registry."""

import inspect
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, Final

from tests.scenes import kernel, offers

INVALID_PARAMS: Final = -32602
RESOURCE_NOT_FOUND: Final = -32002

Handler = Callable[[Any, Any], Awaitable[Any]]


async def _read(uri: str) -> str:
    if uri not in offers.RESOURCES:
        raise kernel.protocol_error(RESOURCE_NOT_FOUND, "no such resource")
    untyped: dict[str, Any] = {**offers.RESOURCES}
    value = untyped[uri]()
    return await value if inspect.isawaitable(value) else value


def _get(name: str, arguments: dict[str, str] | None) -> Any:
    prompts: dict[str, Any] = {prompt.__name__: prompt for prompt in offers.PROMPTS}
    if name not in prompts:
        raise kernel.protocol_error(INVALID_PARAMS, "no such prompt")
    content = {"type": "text", "text": prompts[name](**(arguments or {}))}
    return _made("GetPromptResult", messages=[{"role": "user", "content": content}])


def _made(model: str, **fields: Any) -> Any:
    return getattr(kernel.types, model).model_validate(fields)


def _resources() -> list[Any]:
    fixed = (uri for uri in offers.RESOURCES if uri != offers.ROWS)
    return [_made("Resource", uri=uri, name=uri.rpartition("/")[2]) for uri in fixed]


def _templates() -> list[Any]:
    return [_made("ResourceTemplate", uriTemplate=offers.ROWS, name="rows")]


def _prompts() -> list[Any]:
    return [_made("Prompt", name=prompt.__name__) for prompt in offers.PROMPTS]


def handlers_2x() -> dict[str, Handler]:
    """The handlers, as ``Server`` takes them."""

    async def read(_context: Any, params: Any) -> Any:
        return _made("ReadResourceResult", contents=[{"uri": str(params.uri), "text": await _read(str(params.uri))}])

    async def get(_context: Any, params: Any) -> Any:
        return _get(params.name, params.arguments)

    async def completion(_context: Any, _params: Any) -> Any:
        return _made("CompleteResult", completion=await offers.complete())

    def answers(result: Any) -> Handler:
        async def answer(_context: Any, _params: Any) -> Any:
            return result

        return answer

    empty = _made("EmptyResult")
    return {
        "on_read_resource": read,
        "on_get_prompt": get,
        "on_completion": completion,
        "on_list_resources": answers(_made("ListResourcesResult", resources=_resources())),
        "on_list_resource_templates": answers(_made("ListResourceTemplatesResult", resourceTemplates=_templates())),
        "on_list_prompts": answers(_made("ListPromptsResult", prompts=_prompts())),
        "on_set_logging_level": answers(empty),
        "on_subscribe_resource": answers(empty),
        "on_unsubscribe_resource": answers(empty),
    }


def register_1x(server: Any) -> None:
    """The handlers, each by the decorator of ``Server`` that takes it."""
    contents: Any = import_module("mcp.server.lowlevel.helper_types").ReadResourceContents

    async def read(uri: Any) -> Any:
        return [contents(content=await _read(str(uri)), mime_type="text/plain")]

    async def get(name: str, arguments: dict[str, str] | None) -> Any:
        return _get(name, arguments)

    async def resources() -> Any:
        return _resources()

    async def templates() -> Any:
        return _templates()

    async def prompts() -> Any:
        return _prompts()

    async def nothing(_given: Any) -> None:
        return None

    server.read_resource()(read)
    server.get_prompt()(get)
    server.completion()(offers.complete)
    server.list_resources()(resources)
    server.list_resource_templates()(templates)
    server.list_prompts()(prompts)
    server.set_logging_level()(nothing)
    server.subscribe_resource()(nothing)
    server.unsubscribe_resource()(nothing)
