"""The scenario table as data: what is sent, and what the one record of it has to say, by style and kernel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.scenes import kernel
from tests.scenes.kernel import Era, Style
from tests.scenes.log import CALL, Expected
from tests.scenes.tools import PROTOCOL_CODE

INVALID_REQUEST: Final = -32600
INVALID_PARAMS: Final = -32602


@dataclass(frozen=True)
class Scene:
    """One row: a name, the ``params`` of its request, the expected record, and the method."""

    name: str
    params: Mapping[str, Any]
    expected: Expected
    method: str = CALL


HANDSHAKE: Final = Scene("initialize", {}, Expected(outcome="success", error_type=None), "initialize")
"""What a connection of the older era begins with; its parameters are always the same."""


def ordinary(style: Style) -> tuple[Scene, ...]:
    """What any client can send."""
    own = (*_FRAMEWORK, *(_of_fastmcp() if style == "fastmcp" else ())) if style != "lowlevel" else ()
    return (*_common(style), *own)


def own_calls(style: Style) -> int:
    """The calls that a server makes of its own tools, outside any request, when ``LEAK`` is played once."""
    return 0 if style == "lowlevel" else 1


def _call(tool: str, **arguments: Any) -> Mapping[str, Any]:
    return {"name": tool, "arguments": arguments}


def _common(style: Style) -> tuple[Scene, ...]:
    own_dispatch = style == "lowlevel" and kernel.MODERN
    by_code = kernel.MODERN and style != "fastmcp"
    tool_error = Expected(outcome="tool_error", error_type="tool_error", status_code=None)
    answered = Expected(outcome="protocol_error", error_type=str(INVALID_PARAMS), status_code=INVALID_PARAMS)
    mcp_error = Expected(outcome="protocol_error", error_type=str(PROTOCOL_CODE), status_code=PROTOCOL_CODE)
    output = Expected(outcome="tool_error", error_type="output_validation", status_code=None)
    success = Expected(outcome="success", error_type=None, status_code=None)
    rows = [
        Scene("ok", _call("echo", text="hello"), success),
        # A 2.x low-level server has no registry: the record says what the server answered.
        Scene("unknown tool", _call("nope"), answered if own_dispatch else Expected(outcome="unknown_tool")),
        Scene("invalid arguments", _call("echo"), answered if own_dispatch else _refused("ValidationError")),
        Scene("crash", _call("boom"), Expected(outcome="exception", error_type="ValueError")),
        Scene("own ValidationError", _call("careless"), Expected(outcome="exception", error_type="ValidationError")),
        Scene("MCPError from a tool", _call("mcp_error"), mcp_error if by_code else tool_error),
        Scene("output schema violated", _call("award", points=5), output if kernel.checks_output(style) else success),
    ]
    if kernel.FASTMCP != 2:  # fastmcp 2 has no way to return an error
        rows.insert(1, Scene("tool error returned", _call("returns_error"), tool_error))
    return tuple(rows)


def _refused(error_type: str) -> Expected:
    return Expected(outcome="invalid_params", error_type=error_type)


_SUCCESS: Final = Expected(outcome="success", error_type=None, status_code=None)
_SAYS_NO: Final = Expected(outcome="tool_error", error_type="tool_error")

_FRAMEWORK: Final = (
    Scene("list returned", _call("rows", n=3), Expected(outcome="success", result_count=3)),
    Scene("tool error raised", _call("says_no"), _SAYS_NO),
    Scene("tool error raised from another", _call("gives_up"), _SAYS_NO),
    Scene("nested call_tool", _call("nest"), _SUCCESS),
)

_FASTMCP: Final = (
    Scene("mounted: ok", _call("child_echo", text="hello"), _SUCCESS),
    Scene("mounted: crash", _call("child_boom"), Expected(outcome="exception", error_type="ValueError")),
    Scene("mounted: unknown tool", _call("child_nope"), Expected(outcome="unknown_tool")),
    Scene("mounted: invalid arguments", _call("child_echo"), _refused("ValidationError")),
    Scene("proxied: ok", _call("behind_echo", text="hello"), _SUCCESS),
    # What the backend answered is all that its proxy knows.
    Scene("proxied: crash", _call("behind_boom"), _SAYS_NO),
    Scene("transformed: ok", _call("renamed", words="hello"), _SUCCESS),
    Scene("transformed: invalid arguments", _call("renamed", text="hello"), _refused("TypeError")),
    Scene("middleware answers an error", _call("unwelcome"), _SAYS_NO),
)


def _of_fastmcp() -> tuple[Scene, ...]:
    if kernel.FASTMCP < 3:
        return _FASTMCP
    refused = Expected(outcome="denied", error_type="AuthorizationError")
    return (*_FASTMCP, Scene("middleware refuses", _call("forbidden"), refused))


def behind_auth(style: Style) -> tuple[Scene, ...]:
    """Tools with an ``auth`` of their own, which counts over HTTP; fastmcp answers as if they were not there."""
    if style != "fastmcp" or kernel.FASTMCP < 3:
        return ()
    denied = Expected(outcome="denied", error_type=None)
    unknown = Expected(outcome="unknown_tool")
    return (
        Scene("component's auth refuses", _call("secret"), denied),
        Scene("mounted: component's auth refuses", _call("child_secret"), denied),
        Scene("component's auth refuses a tool's own call", _call("pry"), _SAYS_NO),
        Scene("unknown tool beside a refused one", _call("nosecret"), unknown),
        Scene("mounted: unknown tool beside a refused one", _call("child_nosecret"), unknown),
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


ASKS: Final = Scene("input required", _call("ask"), Expected(outcome="input_required", error_type=None))


def answered(state: str) -> Scene:
    """The round after ``ASKS``, with the state that its answer held."""
    return Scene("input given", {**_call("ask"), "requestState": state}, Expected(outcome="success", error_type=None))


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

    Where it holds the event loop, the notification is read when the answer has left.
    """
    expected = Expected(outcome="success" if kernel.holds_loop(style) else "cancelled")
    return Scene("cancelled, tool that cannot stop", _call("block", seconds=0.5), expected)
