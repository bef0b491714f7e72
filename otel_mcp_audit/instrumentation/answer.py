"""What a kernel's answer says: the outcome, the size, the number of items. Works on wire dicts and on models alike."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from otel_mcp_audit.opencall import Ending, OpenCall
from otel_mcp_audit.redaction import utf8_length

METHOD_NOT_FOUND: Final = -32601

_BLOBS: Final = ("text", "data", "blob")


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` where it is a mapping, else an empty one: what a client sends need not be what it should be."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def field(value: object, *names: str) -> Any:
    """The first of ``names`` that ``value`` has, as a key or as an attribute."""
    keyed = mapping(value)
    for name in names:
        found = keyed.get(name) if keyed else getattr(value, name, None)
        if found is not None:
            return found
    return None


def tool_result(opened: OpenCall, result: object) -> Ending:
    """The ending of a call whose answer is a tool's result."""
    if opened.cancelled():
        return Ending("cancelled")
    kind = field(result, "resultType", "result_type")
    if kind == "input_required":
        return Ending("input_required")
    if kind == "task" or field(result, "task") is not None:
        return Ending("task_accepted")
    size = content_bytes(result)
    if field(result, "isError", "is_error"):
        return (opened.failure or Ending("tool_error", "tool_error"))._replace(bytes=size)
    return Ending("success", bytes=size, result_count=_count(result))


def unanswered(opened: OpenCall, error: BaseException) -> Ending | None:
    """The ending of a call that was given up rather than failed; None for an ordinary exception."""
    if opened.cancelled():
        return Ending("cancelled")
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return Ending("aborted")
    return None if isinstance(error, Exception) else Ending("disconnected")


def protocol_error(code: object) -> Ending:
    """A JSON-RPC error as an ending."""
    number = code if isinstance(code, int) else 0
    outcome = "not_found" if number == METHOD_NOT_FOUND else "protocol_error"
    return Ending(outcome, str(number), number)


def content_bytes(result: object) -> int | None:
    """UTF-8 bytes of the text and blob contents; None where there are none. Nothing is serialised for our sake."""
    found = [length for item in _items(field(result, "content")) for length in _lengths(item)]
    return sum(found) if found else None


def _lengths(item: object) -> list[int]:
    holders = (item, field(item, "resource"))
    return [
        utf8_length(value) for holder in holders for name in _BLOBS if isinstance(value := field(holder, name), str)
    ]


def _items(content: object) -> Sequence[object]:
    return cast("Sequence[object]", content) if isinstance(content, (list, tuple)) else ()


def _count(result: object) -> int | None:
    """The length of a list the tool returned: both kernels wrap one as ``{"result": [...]}``."""
    structured = mapping(field(result, "structuredContent", "structured_content"))
    return length(structured["result"]) if set(structured) == {"result"} else None


def length(value: object) -> int | None:
    """The number of items of a list; None for anything else."""
    return len(cast("list[Any]", value)) if isinstance(value, list) else None
