"""``@audited`` on a real server: one record a call, with what the mark says, and the function as it was."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from otel_mcp_audit import audited
from tests.integration import decorated, trail
from tests.scenes.processes import PATIENCE, command, environment

SCRIPT: Final = Path(decorated.__file__)
ALONE: Final = ("alone", "alone_and_async", "alone_and_failing", "method")


@dataclass
class Played:
    """What the process printed, and its records by the tool's name."""

    seen: dict[str, Any]
    stderr: str
    records: dict[str, list[dict[str, Any]]]
    params: dict[str, list[Any]]

    def record(self, tool: str) -> dict[str, Any]:
        """The one record of a tool's one call."""
        (record,) = self.records[tool]
        return record

    def resources(self, tool: str) -> list[str]:
        """Ids of the resources on it."""
        return [resource["id"] for resource in self.record(tool)["resources"]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("decorated") / "journal"
    ran = subprocess.run(
        command(SCRIPT), env=environment(folder), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ran.returncode == 0, ran.stderr
    records: dict[str, list[dict[str, Any]]] = {}
    params: dict[str, list[Any]] = {}
    for line in trail.lines(folder):
        if line["event"]["event_type"] == "tool_call":
            records.setdefault(line["event"]["tool"], []).append(dict(line["event"]))
            params[line["event"]["tool"]] = line["params"]
    return Played(json.loads(ran.stdout), ran.stderr, records, params)


def test_every_call_has_one_record_and_no_function_inside_a_call_another(played: Played) -> None:
    wanted = [*(name for name, _ in decorated.CALLS), *ALONE]
    assert {name: len(records) for name, records in played.records.items()} == dict.fromkeys(wanted, 1)


@pytest.mark.parametrize("tool", ["below", "above"])
def test_below_or_above_the_servers_decorator_the_record_says_the_same(tool: str, played: Played) -> None:
    record = played.record(tool)
    assert record["resources"] == [{"id": "patient:4711", "type": "patient"}]
    assert (record["action"], record["purpose"], record["sensitivity"]) == ("READ", "treatment", "restricted")
    assert record["phi"] is True
    assert record["response"]["result_count"] == 3
    assert [param["name"] for param in played.params[tool]] == ["patient_id", "days"]


def test_an_async_tool_is_marked_likewise(played: Played) -> None:
    assert played.resources("asynchronous") == ["patient:4712"]


def test_bare_says_nothing_of_its_own(played: Played) -> None:
    record = played.record("bare")
    assert (record["resources"], record["action"], record["phi"]) == ([], "EXECUTE", False)


def test_a_template_knows_the_defaults(played: Played) -> None:
    assert played.resources("with_default") == ["ward:intensive"]


def test_a_callable_names_several_resources(played: Played) -> None:
    assert played.resources("by_callable") == ["patient:1", "patient:2"]


def test_an_audited_function_inside_a_tool_adds_to_the_tools_record(played: Played) -> None:
    assert played.resources("nested") == ["patient:4711", "invoice:4"]
    assert played.record("nested")["purpose"] == "billing"
    assert played.record("nested")["phi"] is True


def test_two_marks_on_one_tool_both_count(played: Played) -> None:
    assert played.resources("twice") == ["study:s1"]
    assert played.record("twice")["purpose"] == "research"


def test_what_the_tool_says_at_run_time_wins(played: Played) -> None:
    record = played.record("annotating")
    assert played.resources("annotating") == ["row:0", "row:1"]
    assert (record["purpose"], record["response"]["result_count"]) == ("as annotated", 2)


@pytest.mark.parametrize("tool", ["misspelt", "raising"])
def test_a_resource_that_cannot_be_named_costs_neither_call_nor_record(tool: str, played: Played) -> None:
    assert played.seen["answers"][tool] == "a"
    assert (played.resources(tool), played.record(tool)["response"]["outcome"]) == ([], "success")


def test_a_failure_inside_is_classified_as_without_the_decorator(played: Played) -> None:
    response = played.record("failing")["response"]
    assert (response["outcome"], response["error_type"]) == ("exception", "ValueError")


def test_alone_a_function_has_a_tool_call_of_its_own_name(played: Played) -> None:
    record = played.record("alone")
    assert (record["event_type"], record["action"], record["request"]["transport"]) == ("tool_call", "DELETE", "none")
    assert played.resources("alone") == ["file:/a"]
    assert record["response"]["result_count"] == 2
    assert (record["user"]["id"], record["user"]["source"]) == ("anonymous", "none")
    assert played.record("alone_and_async")["response"]["outcome"] == "success"


def test_alone_an_exception_passes_through_and_is_on_record(played: Played) -> None:
    assert played.seen["answers"]["alone_and_failing"] == "KeyError('own')"
    response = played.record("alone_and_failing")["response"]
    assert (response["outcome"], response["error_type"]) == ("exception", "KeyError")


def test_a_methods_object_is_no_argument_of_the_call(played: Played) -> None:
    assert played.resources("method") == ["bed:5"]
    assert [param["name"] for param in played.params["method"]] == ["number"]


@pytest.mark.parametrize("tool", ["below", "above"])
def test_signature_docs_and_schema_are_those_of_the_bare_function(tool: str, played: Played) -> None:
    assert played.seen["shapes"][tool] == played.seen["shapes"]["plain"]
    mine, bare = (dict(played.seen["schemas"][name]) for name in (tool, "plain"))
    text = json.dumps(mine).replace(tool, "plain")
    assert json.loads(text) == bare


def test_an_async_function_stays_one(played: Played) -> None:
    assert played.seen["shapes"]["asynchronous"][2] is True


def generator() -> Any:
    yield 1


async def async_generator() -> Any:
    yield 1


class Unfit:
    """Has no calls of its own."""

    @classmethod
    def method(cls) -> None:
        """Belong to it."""


def nothing() -> None:
    """Do nothing."""


ANYTHING_GOES: Final[Any] = audited
"""What its types already refuse, it must refuse at run time too."""

UNFIT: Final[dict[str, Callable[[], object]]] = {
    "a class": lambda: audited(Unfit),
    "a generator function": lambda: audited(generator),
    "an async generator function": lambda: audited(async_generator),
    "a number": lambda: ANYTHING_GOES(42),
    "a static method": lambda: audited(staticmethod(nothing)),
    "a class method": lambda: ANYTHING_GOES(vars(Unfit)["method"]),
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_what_has_no_calls_to_be_seen_is_refused_with_the_mend(unfit: str) -> None:
    with pytest.raises(TypeError, match="directly above the function"):
        UNFIT[unfit]()
