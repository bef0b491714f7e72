"""What a kernel's answer says: the outcome, the size, the number of items. Works on wire dicts and on models alike."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from otel_mcp_audit.instrumentation import methods
from otel_mcp_audit.line import Link
from otel_mcp_audit.opencall import Ending, OpenCall, raised
from otel_mcp_audit.redaction import text, utf8_length

METHOD_NOT_FOUND: Final = -32601
RESOURCE_NOT_FOUND: Final = -32002
"""MCP's own code for it until 2025-11-25."""

TASK: Final = "modelcontextprotocol.io/task"
"""Where fastmcp 2 says that an otherwise empty result is a task."""

TASK_ID_LIMIT: Final = 128
"""Characters of a task's id; the longest that a framework makes has 69."""

_NOTHING: Final[Mapping[str, Any]] = {}

_BLOBS: Final = ("text", "data", "blob", "content")
"""Where an item of content holds what it is about; ``content`` in a process, where nothing has a form for the wire."""

_NESTED: Final = ("resource", "content")
"""Where it holds another item: one that embeds a resource, and a prompt's message."""


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


def answered(opened: OpenCall, result: object) -> Ending:
    """The ending of a request that has an answer: a wire dict of 2.x, or a model of 1.x."""
    if opened.cancelled():
        return Ending("cancelled")
    if opened.event.event_type == "tool_call":
        return _tool_result(opened, _wire(result))
    row = methods.row(opened.event.request.method or "")
    return _interim(_wire(result)) or Ending(
        "success",
        bytes=content_bytes(_part(result, row.contents)),
        result_count=length(_part(result, row.items)),
    )


def _interim(wire: Mapping[str, Any]) -> Ending | None:
    """The ending of a round that asks for more, or of what has become a task; None where the answer is the answer."""
    if wire.get("resultType") == "input_required":
        return Ending("input_required")
    if (accepted := _task(wire)) is not None:
        return Ending("task_accepted", link=task_link(field(accepted, "taskId")))
    return None


def _tool_result(opened: OpenCall, wire: Mapping[str, Any]) -> Ending:
    interim = _interim(wire)
    if interim is not None:
        return interim
    size = content_bytes(wire.get("content"))
    if wire.get("isError"):
        return (opened.failure or Ending("tool_error", "tool_error"))._replace(bytes=size)
    return Ending("success", bytes=size, result_count=_count(wire.get("structuredContent")))


def _part(result: object, name: str | None) -> object:
    """The answer's list of this name; what a server answers itself, in its process, may be that list alone."""
    return None if name is None else cast("object", result) if isinstance(result, list) else field(result, name)


def _wire(result: object) -> dict[str, Any]:
    """What counts of a result, under its names on the wire; 2.x spells its models' fields in snake case."""
    if isinstance(result, dict):
        return cast("dict[str, Any]", result)
    return {
        "resultType": field(result, "resultType", "result_type"),
        "task": field(result, "task"),
        "_meta": field(result, "meta"),
        "content": field(result, "content"),
        "isError": field(result, "isError", "is_error"),
        "structuredContent": field(result, "structuredContent", "structured_content"),
    }


def _task(wire: Mapping[str, Any]) -> object:
    """The task that an answer accepts: the answer itself, in it, or beside an otherwise empty one; else None."""
    if wire.get("resultType") == "task":
        return wire
    beside = mapping(wire.get("_meta")).get(TASK)
    return wire.get("task") or (beside if field(beside, "taskId") else None)


def task_link(task_id: object) -> Link | None:
    """What joins the records of a task: its id as the server made it; None where there is none to join by."""
    return Link(id=text(task_id, TASK_ID_LIMIT), type="task") if isinstance(task_id, str) and task_id else None


def failure(opened: OpenCall, error: BaseException) -> Ending:
    """The ending of a call that raised: what the client did counts before what came of it, and what was seen nearer."""
    if opened.cancelled():
        return Ending("cancelled")
    seen = opened.failure if isinstance(error, Exception) and opened.event.event_type != "tool_call" else None
    return seen or raised(error)


def refused(opened: OpenCall, code: object) -> Ending:
    """The ending of a request whose answer is a JSON-RPC error: what was seen nearer to its target counts before it.

    Not with a tool: it has other ways to say error, so one that answers a code means that code.
    """
    said, seen = protocol_error(code), opened.failure
    if code == RESOURCE_NOT_FOUND and opened.event.event_type == "resource_read":
        said = said._replace(outcome="not_found")
    if seen is None or seen.outcome == said.outcome or opened.event.event_type == "tool_call":
        return said
    return said._replace(outcome=seen.outcome, error_type=seen.error_type or said.error_type)


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
        if isinstance(value, bytes):  # base64 of it would go over the wire
            return (len(value) + 2) // 3 * 4
    nested = next((found for name in _NESTED if (found := field(item, name)) is not None), None)
    return None if nested is None else content_bytes(cast("object", nested) if isinstance(nested, list) else [nested])


def _count(structured: object) -> int | None:
    """The length of a list the tool returned: both kernels wrap one as ``{"result": [...]}``."""
    wrapped = mapping(structured)
    return length(wrapped["result"]) if len(wrapped) == 1 and "result" in wrapped else None


def length(value: object) -> int | None:
    """The number of items of a list; None for anything else."""
    return len(cast("list[Any]", value)) if isinstance(value, list) else None
