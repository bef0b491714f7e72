"""A server with decorated tools and a client in one process: ``python decorated.py``; prints what only it can see.

Every function is called once, by the name that its record then has.
"""

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from otel_mcp_audit import annotate, audited
from tests.scenes import inprocess, kernel

SERVER: Any = kernel.Framework("decorated", log_level="CRITICAL")
tool: Callable[..., Any] = SERVER.tool


def _both(*, first: str, second: str) -> list[str]:
    return [f"patient:{first}", f"patient:{second}"]


def _unnameable(**_arguments: Any) -> str:
    raise ZeroDivisionError


def plain(patient_id: str, days: int = 7) -> list[str]:
    """Give the chart's entries."""
    return [f"{patient_id} day {day}" for day in range(days)]


@tool()
@audited(resource="patient:{patient_id}", action="READ", purpose="treatment", sensitivity="restricted", phi=True)
def below(patient_id: str, days: int = 7) -> list[str]:
    """Give the chart's entries."""
    return plain(patient_id, days)


@audited(resource="patient:{patient_id}", action="READ", purpose="treatment", sensitivity="restricted", phi=True)
@tool()
def above(patient_id: str, days: int = 7) -> list[str]:
    """Give the chart's entries."""
    return plain(patient_id, days)


@tool()
@audited(resource="patient:{patient_id}")
async def asynchronous(patient_id: str) -> str:
    """Wait a moment."""
    await anyio.lowlevel.checkpoint()
    return patient_id


@tool()
@audited
def bare(text: str) -> str:
    """Say nothing about itself."""
    return text


@tool()
@audited(resource="ward:{ward}")
def with_default(ward: str = "intensive") -> str:
    """Take the default."""
    return ward


@tool()
@audited(resource=_both)
def by_callable(first: str, second: str) -> str:
    """Touch two."""
    return first + second


@audited(resource="invoice:{number}", phi=True)
def inner(number: int) -> int:
    """Be called by a tool."""
    return number


@tool()
@audited(resource="patient:{patient_id}", purpose="billing")
def nested(patient_id: str) -> int:
    """Call another audited function."""
    return inner(number=len(patient_id))


@tool()
@audited(purpose="research")
@audited(resource="study:{study}")
def twice(study: str) -> str:
    """Wear two marks."""
    return study


@tool()
@audited(purpose="as decorated")
def annotating(wanted: int) -> str:
    """Know better at run time."""
    annotate(resource=[f"row:{number}" for number in range(wanted)], purpose="as annotated", result_count=wanted)
    return "done"


@tool()
@audited(resource="{no_such_argument}")
def misspelt(text: str) -> str:
    """Name an argument that is not there."""
    return text


@tool()
@audited(resource=_unnameable)
def raising(text: str) -> str:
    """Have a resource that raises."""
    return text


@tool()
@audited
def failing() -> str:
    """Fail inside."""
    raise ValueError("inside")


@audited(resource="file:{path}", action="DELETE")
def alone(path: str) -> list[str]:
    """Run outside any server."""
    return [path, path]


@audited
async def alone_and_async(path: str) -> str:
    """Likewise."""
    await anyio.lowlevel.checkpoint()
    return path


@audited
def alone_and_failing() -> None:
    """Raise."""
    raise KeyError("own")


class Ward:
    """Has an audited method."""

    @audited(resource="bed:{number}")
    def method(self, number: int) -> int:
        """Belong to an object."""
        return number


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("below", {"patient_id": "4711", "days": 3}),
    ("above", {"patient_id": "4711", "days": 3}),
    ("asynchronous", {"patient_id": "4712"}),
    ("bare", {"text": "a"}),
    ("with_default", {}),
    ("by_callable", {"first": "1", "second": "2"}),
    ("nested", {"patient_id": "4711"}),
    ("twice", {"study": "s1"}),
    ("annotating", {"wanted": 2}),
    ("misspelt", {"text": "a"}),
    ("raising", {"text": "a"}),
    ("failing", {}),
]


async def main() -> None:
    """Call everything, and print schemas, answers and signatures."""
    SERVER.add_tool(plain)
    answers: dict[str, str] = {}
    async with inprocess.connected(SERVER, "legacy") as session:
        listed = (await session.list_tools()).tools
        for name, arguments in CALLS:
            result = await session.call_tool(name, arguments)
            answers[name] = result.content[0].text if result.content else ""
    assert alone("/a") == ["/a", "/a"]
    assert await alone_and_async("/b") == "/b"
    try:
        alone_and_failing()
    except KeyError as error:
        answers["alone_and_failing"] = repr(error)
    Ward().method(5)
    annotate(resource="nowhere:1")
    schemas = {each.name: json.loads(each.model_dump_json(by_alias=True)) for each in listed}
    functions = {"plain": plain, "below": below, "above": above, "asynchronous": asynchronous}
    shapes = {
        name: [str(inspect.signature(function)), function.__doc__, inspect.iscoroutinefunction(function)]
        for name, function in functions.items()
    }
    print(json.dumps({"answers": answers, "schemas": schemas, "shapes": shapes}))


if __name__ == "__main__":
    anyio.run(main)
