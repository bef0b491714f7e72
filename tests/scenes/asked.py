"""The methods other than calls of a tool, as scenes: what is sent, and what its one record has to say."""

from collections.abc import Mapping
from typing import Any, Final

from tests.scenes import kernel, offers
from tests.scenes.kernel import Era, Style
from tests.scenes.log import ANYTHING, Expected
from tests.scenes.scenes import Scene
from tests.scenes.tools import PROTOCOL_CODE

METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
RESOURCE_NOT_FOUND: Final = -32002
UNEXPECTED: Final = 0

UNKNOWN_METHOD: Final = METHOD_NOT_FOUND if kernel.MODERN else INVALID_PARAMS
"""What a kernel answers to a method that it does not know: 1.x takes it for an invalid request."""

READ_CANCELLED: Final = Scene(
    "resources/read: cancelled", {"uri": offers.WAITING}, Expected(outcome="cancelled"), "resources/read"
)
PING: Final = Scene("ping", {}, Expected(outcome="success"), "ping")


def rows(style: Style, era: Era) -> tuple[Scene, ...]:
    """What any client can ask."""
    own = () if style == "lowlevel" else _of_a_registry(style)
    return (*_reads(style), *_prompts(style), *_lists(style), *_others(style, era), *own, *_refused())


def _ok(**more: object) -> Expected:
    return Expected(outcome="success", error_type=None, status_code=None, **more)


def _error(outcome: str, code: int) -> Expected:
    return Expected(outcome=outcome, error_type=str(code), status_code=code)


def _scene(method: str, what: str, expected: Expected, **params: Any) -> Scene:
    return Scene(f"{method}: {what}", params, expected, method)


def _crash(style: Style) -> Expected:
    """1.x has no exception at hand where no registry is: only the code for any."""
    bare = style == "lowlevel" and not kernel.MODERN
    return Expected(outcome="exception", error_type="0" if bare else "ValueError")


def _reads(style: Style) -> tuple[Scene, ...]:
    read = "resources/read"
    missing = RESOURCE_NOT_FOUND if style == "lowlevel" or kernel.FASTMCP == 3 else _unexpected()
    return (
        _scene(read, "ok", _ok(size=5, result_count=None), uri=offers.TEXT),
        _scene(read, "no such resource", _error("not_found", missing), uri="scenes://nope"),
        _scene(read, "crash", _crash(style), uri=offers.BROKEN),
    )


def _unexpected() -> int:
    return INVALID_PARAMS if kernel.MODERN else UNEXPECTED


def _prompts(style: Style) -> tuple[Scene, ...]:
    get = "prompts/get"
    missing = Expected(outcome="protocol_error", status_code=INVALID_PARAMS)
    missing = missing if style == "lowlevel" else Expected(outcome="not_found")
    return (
        _scene(get, "ok", _ok(size=10, result_count=None), name="greet", arguments={"name": "Ada"}),
        _scene(get, "no such prompt", missing, name="nope"),
        _scene(get, "crash", _crash(style), name="gloomy"),
    )


def _lists(style: Style) -> tuple[Scene, ...]:
    nested = 0 if style == "lowlevel" else 1
    counts: Mapping[str, object] = {
        "tools/list": ANYTHING,
        "prompts/list": 2,
        "resources/list": 3 + nested,
        "resources/templates/list": 1,
    }
    if style == "fastmcp":  # with what is mounted, proxied, and kept from some
        counts = dict.fromkeys(counts, ANYTHING)
    return tuple(_scene(method, "ok", _ok(result_count=count)) for method, count in counts.items())


def _others(style: Style, era: Era) -> tuple[Scene, ...]:
    absent = _error("not_found", METHOD_NOT_FOUND)
    completes = _ok() if style != "fastmcp" or kernel.FASTMCP >= 4 else absent
    levels = _ok() if style == "lowlevel" or kernel.FASTMCP >= 3 else absent
    subscribes = _ok() if style == "lowlevel" else absent
    if era == "modern":
        levels = subscribes = absent
    return (
        _scene(
            "completion/complete",
            "of a prompt",
            completes,
            ref={"type": "ref/prompt", "name": "greet"},
            argument={"name": "name", "value": "A"},
        ),
        _scene(
            "completion/complete",
            "of a resource",
            completes,
            ref={"type": "ref/resource", "uri": offers.ROWS},
            argument={"name": "n", "value": "1"},
        ),
        _scene("logging/setLevel", "asked", levels, level="error"),
        _scene("resources/subscribe", "asked", subscribes, uri=offers.TEXT),
        _scene("resources/unsubscribe", "asked", subscribes, uri=offers.TEXT),
        _scene("server/discover", "asked", _ok() if era == "modern" else _error("not_found", UNKNOWN_METHOD)),
        _scene("scenes/nope", "unknown method", _error("not_found", UNKNOWN_METHOD), secret="of the client"),
    )


def _of_a_registry(style: Style) -> tuple[Scene, ...]:
    refused = Expected(outcome="invalid_params")
    mounted = (
        _scene("resources/read", "mounted", _ok(size=5), uri="scenes://child/text"),
        _scene("resources/read", "mounted: no such resource", Expected(outcome="not_found"), uri="scenes://child/nope"),
        _scene("resources/read", "mounted: crash", _crash(style), uri="scenes://child/broken"),
        _scene("resources/read", "proxied", _ok(size=5), uri="scenes://behind/text"),
        _scene("prompts/get", "mounted", _ok(size=10), name="child_greet", arguments={"name": "Ada"}),
        _scene("prompts/get", "proxied", _ok(size=10), name="behind_greet", arguments={"name": "Ada"}),
    )
    in_vain = _scene(
        "completion/complete",
        "asks a tool in vain",
        _error("protocol_error", PROTOCOL_CODE),
        ref={"type": "ref/prompt", "name": "greet"},
        argument={"name": "name", "value": offers.GONE},
    )
    return (
        _scene("resources/read", "template", _ok(size=12), uri="scenes://rows/3"),
        _scene("resources/read", "template: invalid arguments", refused, uri="scenes://rows/many"),
        _scene("resources/read", "calls a tool", _ok(size=6), uri=offers.NESTED),
        _scene("prompts/get", "missing argument", refused, name="greet"),
        *(mounted if style == "fastmcp" else (in_vain,)),
    )


def _refused() -> tuple[Scene, ...]:
    refused = Expected(outcome="invalid_request", status_code=INVALID_PARAMS)
    return (
        _scene("resources/read", "no uri", refused),
        _scene("prompts/get", "arguments no object", refused, name="greet", arguments=["Ada"]),
        _scene("completion/complete", "no ref", refused, argument={"name": "name", "value": "A"}),
    )


def behind_auth(style: Style) -> tuple[Scene, ...]:
    """Components with an ``auth`` of their own, which counts over HTTP."""
    if style != "fastmcp" or kernel.FASTMCP < 3:
        return ()
    denied = Expected(outcome="denied")
    return (
        _scene("resources/read", "component's auth refuses", denied, uri="scenes://secret"),
        _scene("resources/read", "template's auth refuses", denied, uri="scenes://secrets/1"),
        _scene("resources/read", "mounted: component's auth refuses", denied, uri="scenes://child/secret"),
        _scene("prompts/get", "component's auth refuses", denied, name="secret"),
    )
