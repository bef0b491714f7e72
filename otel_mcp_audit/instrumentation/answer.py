"""What a kernel's answer says: the outcome, the size, the number of items. Works on wire dicts and on models alike."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from otel_mcp_audit.opencall import Ending, OpenCall, raised
from otel_mcp_audit.redaction import utf8_length

METHOD_NOT_FOUND: Final = -32601

TASK: Final = "modelcontextprotocol.io/task"
"""Where fastmcp 2 says that an otherwise empty result is a task."""

_NOTHING: Final[Mapping[str, Any]] = {}

_BLOBS: Final = ("text", "data", "blob")


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` where it is a mapping, else an empty one: what a client sends need not be what it should be."""
    if isinstance(value, dict):  # what comes from the wire; asking for the abstract class costs ten times as much
        return cast("dict[str, Any]", value)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else _NOTHING


def field(value: object, name: str, other: str = "") -> Any:
    """``value``'s ``name``, as the key of a wire dict, else as an attribute; failing that, ``other``."""
    if isinstance(value, dict):
        keyed = cast("dict[str, Any]", value)
        found = keyed.get(name)
        return keyed.get(other) if found is None and other else found
    found = getattr(value, name, None)
    return getattr(value, other, None) if found is None and other else found


def tool_result(opened: OpenCall, result: object) -> Ending:
    """The ending of a call whose answer is a tool's result: a wire dict of 2.x, or a model of 1.x."""
    if opened.cancelled():
        return Ending("cancelled")
    wire = cast("dict[str, Any]", result) if isinstance(result, dict) else _wire(result)
    kind = wire.get("resultType")
    if kind == "input_required":
        return Ending("input_required")
    if kind == "task" or wire.get("task") is not None or field(mapping(wire.get("_meta")).get(TASK), "taskId"):
        return Ending("task_accepted")
    size = content_bytes(wire.get("content"))
    if wire.get("isError"):
        return (opened.failure or Ending("tool_error", "tool_error"))._replace(bytes=size)
    return Ending("success", bytes=size, result_count=_count(wire.get("structuredContent")))


def _wire(result: object) -> dict[str, Any]:
    """What counts of a result model, under its names on the wire; 2.x spells its models' fields in snake case."""
    return {
        "resultType": field(result, "resultType", "result_type"),
        "task": field(result, "task"),
        "_meta": field(result, "meta"),
        "content": field(result, "content"),
        "isError": field(result, "isError", "is_error"),
        "structuredContent": field(result, "structuredContent", "structured_content"),
    }


def failure(opened: OpenCall, error: BaseException) -> Ending:
    """The ending of a call that raised: what the client did counts before what came of it."""
    return Ending("cancelled") if opened.cancelled() else raised(error)


def protocol_error(code: object) -> Ending:
    """A JSON-RPC error as an ending."""
    number = code if isinstance(code, int) else 0
    outcome = "not_found" if number == METHOD_NOT_FOUND else "protocol_error"
    return Ending(outcome, str(number), number)


def content_bytes(content: object) -> int | None:
    """UTF-8 bytes of the text and blob contents; None where there are none. Nothing is serialised for our sake."""
    items = cast("Sequence[object]", content) if isinstance(content, (list, tuple)) else ()
    lengths = [length for item in items if (length := _content_length(item)) is not None]
    return sum(lengths) if lengths else None


def _content_length(item: object) -> int | None:
    for name in _BLOBS:
        value = field(item, name)
        if isinstance(value, str):
            return utf8_length(value)
    resource = field(item, "resource")
    return None if resource is None else _content_length(resource)


def _count(structured: object) -> int | None:
    """The length of a list the tool returned: both kernels wrap one as ``{"result": [...]}``."""
    wrapped = mapping(structured)
    return length(wrapped["result"]) if len(wrapped) == 1 and "result" in wrapped else None


def length(value: object) -> int | None:
    """The number of items of a list; None for anything else."""
    return len(cast("list[Any]", value)) if isinstance(value, list) else None
