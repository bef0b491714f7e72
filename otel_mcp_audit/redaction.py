"""How values from outside are made safe: capped, controls made visible, arguments reduced to names, types and sizes.

Everything here takes hostile input: no value a client can send raises, recurses or grows the record beyond its caps.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from otel_mcp_audit.line import Param

TEXT_LIMIT: Final = 256
"""Characters of a client's text: names, tools, ids, agent."""

URI_LIMIT: Final = 1024
"""Characters of a resource's id."""

LEAF_LIMIT: Final = 64
"""Leaves of the arguments that are listed; the rest is counted."""

DEPTH_LIMIT: Final = 64
"""Levels below which a container counts as one omitted leaf; also what ends a structure that contains itself."""

NODE_LIMIT: Final = 100_000
"""Nodes looked at in one call's arguments; ``omitted`` counts no further."""

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})

_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def text(value: str, limit: int = TEXT_LIMIT) -> str:
    r"""Cap ``value`` at ``limit`` characters and write controls and unpaired surrogates visibly (``\u001b``)."""
    if len(value) <= limit and value.isprintable():
        return value
    shown = _UNSAFE.sub(_visible, value[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _visible(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def optional_text(value: object, limit: int = TEXT_LIMIT) -> str | None:
    """``text`` of a string; None for an empty one and for anything else."""
    return text(value, limit) if isinstance(value, str) and value else None


def utf8_length(value: str) -> int:
    """Bytes of ``value`` as UTF-8, an unpaired surrogate counted as three."""
    return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))


class _Node(NamedTuple):
    path: str
    value: object
    depth: int


def params(arguments: Mapping[str, Any]) -> list[Param]:
    """The arguments as leaves ``{bytes, name, type}``, without any value; the rest beyond the cap as one count."""
    if len(arguments) <= LEAF_LIMIT and all(type(value) in _SCALARS for value in arguments.values()):
        return [_leaf(_token(name), value) for name, value in arguments.items()]  # flat, as most calls are
    listed: list[Param] = []
    omitted = size = 0
    for node in _leaves(arguments):
        if len(listed) < LEAF_LIMIT:
            listed.append(_leaf(node.path, node.value))
        else:
            omitted, size = omitted + 1, size + _measure(node.value)[1]
    if omitted:
        listed.append(Param(bytes=size, name=None, omitted=omitted, type=None))
    return listed


def _leaf(path: str, value: object) -> Param:
    kind, length = _measure(value)
    return Param(bytes=length, name=text(path), type=kind)


def _leaves(arguments: Mapping[str, Any]) -> Iterator[_Node]:
    """Depth first in the given order, with an explicit stack: depth costs no recursion."""
    stack = [_children(_Node("", arguments, 0))]
    for _ in range(NODE_LIMIT):
        node = next(stack[-1], None) if stack else None
        if node is None:
            if not stack:
                return
            stack.pop()
        elif _opens(node):
            stack.append(_children(node))
        else:
            yield node


def _opens(node: _Node) -> bool:
    return node.depth < DEPTH_LIMIT and _is_container(node.value) and bool(node.value)


def _is_container(value: object) -> bool:
    return isinstance(value, (dict, list, tuple, Mapping))


def _children(node: _Node) -> Iterator[_Node]:
    prefix, depth = (f"{node.path[:TEXT_LIMIT]}/" if node.depth else ""), node.depth + 1
    value: object = node.value
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, object]", value)
        return (_Node(prefix + _token(key), value, depth) for key, value in mapping.items())
    items = cast("Sequence[object]", value)
    return (_Node(f"{prefix}{index}", value, depth) for index, value in enumerate(items))


def _token(key: object) -> str:
    """A name as a reference token of RFC 6901, capped so that paths stay short at any depth."""
    name = key[: TEXT_LIMIT + 1] if isinstance(key, str) else type(key).__name__
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name


def _measure(value: object) -> tuple[str, int]:
    """JSON type and size in bytes: UTF-8 of a string, the compact JSON of anything else."""
    if isinstance(value, str):
        return "string", utf8_length(value)
    if isinstance(value, bool):
        return "boolean", 4 if value else 5
    if isinstance(value, int):
        return "integer", _digits(value)
    if isinstance(value, float):
        return "number", len(repr(value))
    return ("null", 4) if value is None else ("array" if isinstance(value, (list, tuple)) else "object", 2)


def _digits(value: int) -> int:
    """Length in decimal, exact below 2^64; an estimate above, where writing it out would cost the caller's choice."""
    if -(1 << 64) < value < 1 << 64:
        return len(str(value))
    return int(value.bit_length() * 0.30103) + 1 + (value < 0)
