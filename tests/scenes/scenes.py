"""The scenario table as data: what is sent, and what the one record of it has to say, by style and kernel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.scenes import kernel
from tests.scenes.kernel import Era, Style
from tests.scenes.log import Expected
from tests.scenes.tools import PROTOCOL_CODE

INVALID_REQUEST: Final = -32600
INVALID_PARAMS: Final = -32602


@dataclass(frozen=True)
class Scene:
    """One row: a name, the ``params`` of its ``tools/call`` and the expected record."""

    name: str
    params: Mapping[str, Any]
    expected: Expected


def ordinary(style: Style) -> tuple[Scene, ...]:
    """What any client can send."""
    return (*_common(style), *(_FRAMEWORK if style == "framework" else ()))


def _call(tool: str, **arguments: Any) -> Mapping[str, Any]:
    return {"name": tool, "arguments": arguments}


def _common(style: Style) -> tuple[Scene, ...]:
    own_dispatch = style == "lowlevel" and kernel.MODERN
    tool_error = Expected(outcome="tool_error", error_type="tool_error", status_code=None)
    answered = Expected(outcome="protocol_error", error_type=str(INVALID_PARAMS), status_code=INVALID_PARAMS)
    mcp_error = Expected(outcome="protocol_error", error_type=str(PROTOCOL_CODE), status_code=PROTOCOL_CODE)
    output = Expected(outcome="tool_error", error_type="output_validation", status_code=None)
    success = Expected(outcome="success", error_type=None, status_code=None)
    return (
        Scene("ok", _call("echo", text="hello"), success),
        Scene("tool error returned", _call("returns_error"), tool_error),
        # A 2.x low-level server has no registry: the record says what the server answered.
        Scene("unknown tool", _call("nope"), answered if own_dispatch else Expected(outcome="unknown_tool")),
        Scene("invalid arguments", _call("echo"), answered if own_dispatch else _refused("ValidationError")),
        Scene("crash", _call("boom"), Expected(outcome="exception", error_type="ValueError")),
        Scene("own ValidationError", _call("careless"), Expected(outcome="exception", error_type="ValidationError")),
        Scene("MCPError from a tool", _call("mcp_error"), mcp_error if kernel.MODERN else tool_error),
        # Nor does it check what its tools return.
        Scene("output schema violated", _call("award", points=5), success if own_dispatch else output),
    )


def _refused(error_type: str) -> Expected:
    return Expected(outcome="invalid_params", error_type=error_type)


_FRAMEWORK: Final = (
    Scene("list returned", _call("rows", n=3), Expected(outcome="success", result_count=3)),
    Scene("tool error raised", _call("says_no"), Expected(outcome="tool_error", error_type="tool_error")),
    Scene("nested call_tool", _call("nest"), Expected(outcome="success", error_type=None)),
)

_ENVELOPE: Final = Expected(outcome="invalid_request", status_code=INVALID_PARAMS)

INVALID_ENVELOPES: Final = (
    Scene("invalid envelope: arguments no object", {"name": "echo", "arguments": "str"}, _ENVELOPE),
    Scene("invalid envelope: no name", {"arguments": {"text": "hello"}}, _ENVELOPE),
)
"""What only a client of one's own writing sends."""


def of_the_other_era(era: Era) -> Scene:
    """A request with an envelope on a connection that shook hands, or without one where none did."""
    status = INVALID_REQUEST if era == "legacy" else INVALID_PARAMS
    expected = Expected(outcome="invalid_request", status_code=status)
    return Scene("invalid envelope: of the other era", _call("echo", text="hello"), expected)


AFTERWARDS: Final = Scene("ok, after a cancelled call", _call("echo", text="after"), Expected(outcome="success"))

LEAK: Final = Scene("background task outlives its call", _call("leak"), Expected(outcome="success"))


def slow(name: str, tag: str, outcome: str, *, seconds: float = 60.0) -> Scene:
    """A call of a tool that waits, to be interrupted; ``tag`` is how it says that it has started."""
    return Scene(name, _call("slow", seconds=seconds, tag=tag), Expected(outcome=outcome))


def cut_off(name: str, tag: str) -> Scene:
    """A call that is in flight when its transport closes."""
    if kernel.CUTS_OFF:
        return slow(name, tag, "disconnected")
    return slow(name, tag, "success", seconds=0.5)


def blocking(style: Style) -> Scene:
    """A call of a tool that cannot be interrupted, cancelled while it runs.

    A plain tool of 1.x's framework holds the event loop: the notification is read when the answer has left.
    """
    late = style == "framework" and not kernel.MODERN
    expected = Expected(outcome="success" if late else "cancelled")
    return Scene("cancelled, tool that cannot stop", _call("block", seconds=0.5), expected)
