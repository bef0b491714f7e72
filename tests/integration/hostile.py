"""Values that a client can send to break whoever writes them down, as JSON text: the wire allows more than Python."""

import json
from dataclasses import dataclass
from typing import Final

CANARY: Final = "CANARY-378282246310005"
"""A secret in an argument: it may stand in the answer, and nowhere else."""


@dataclass(frozen=True)
class Hostile:
    """One call: ``params`` and the id as JSON text."""

    name: str
    params: str
    rpc_id: str

    @property
    def line(self) -> bytes:
        """The request as it goes over the wire."""
        return f'{{"jsonrpc":"2.0","id":{self.rpc_id},"method":"tools/call","params":{self.params}}}\n'.encode()


def _arguments(arguments: str, tool: str = "anything") -> str:
    return f'{{"name":{json.dumps(tool)},"arguments":{arguments}}}'


def _nested(depth: int) -> str:
    return '{"deep":' * depth + "1" + "}" * depth


VALUES: Final = {
    "2^63": _arguments('{"value":9223372036854775808}'),
    "a 4,000 digit integer": _arguments(f'{{"value":{"9" * 4000}}}'),
    "an exponent beyond float": _arguments('{"value":1e400}'),
    "NUL": _arguments('{"value":"a\\u0000b","\\u0000":1}'),
    "a control sequence for the terminal": _arguments('{"\\u001b]0;owned\\u0007":"\\u001b[2J"}'),
    "10 MB in one string": _arguments('{"value":"' + "x" * 10_000_000 + '"}'),
    "1,000 names": _arguments(json.dumps({f"name-{number}": number for number in range(1000)})),
    "names that are paths": _arguments('{"a/b":{"c~d":[1,{"e":2}]}}'),
    "a canary in value and name's neighbour": _arguments(json.dumps({"card": CANARY, "nested": {"card": [CANARY]}})),
    "control characters in the tool's name": _arguments("{}", tool="\u001b[31mred\u0000\n"),
    "a tool name of 1 MB": _arguments("{}", tool="n" * 1_000_000),
    "a junk traceparent": '{"name":"anything","arguments":{},"_meta":{"traceparent":"00-junk-\\u0000-01"}}',
    "a traceparent of zeros": (
        '{"name":"anything","arguments":{},"_meta":{"traceparent":"00-' + "0" * 32 + "-" + "0" * 16 + '-01"}}'
    ),
    "a traceparent that is no text": '{"name":"anything","arguments":{},"_meta":{"traceparent":{"a":[1]}}}',
    "a tracestate of 1 MB": (
        '{"name":"anything","arguments":{},"_meta":{"traceparent":"00-' + "1" * 32 + "-" + "2" * 16 + '-01",'
        '"tracestate":"' + "v=1," * 250_000 + '"}}'
    ),
}

IDS: Final = {
    "an id of control characters": '"\\u001b[2J\\u0000"',
    "an id of 100,000 characters": '"' + "i" * 100_000 + '"',
    "an id of 2^53": "9007199254740993",
}


def calls() -> list[Hostile]:
    """All of them, each once."""
    values = [Hostile(name, params, f'"h{number}"') for number, (name, params) in enumerate(VALUES.items())]
    return [*values, *(Hostile(name, _arguments("{}"), rpc_id) for name, rpc_id in IDS.items())]


DOUBTFUL: Final = (
    Hostile("NaN", _arguments('{"value":NaN}'), '"nan"'),
    Hostile("a lone surrogate", _arguments('{"value":"\\ud800"}'), '"surrogate"'),
    Hostile("a lone surrogate as a name", _arguments('{"\\udfff":1}'), '"named"'),
    Hostile("a tool name of surrogates", '{"name":"\\ud800\\udc00\\ud800","arguments":{}}', '"tool"'),
    Hostile("10,000 levels deep", _arguments(_nested(10_000)), '"deep"'),
)
"""Kernels differ in whether they read these as requests at all; what they answer as a call has a record."""
