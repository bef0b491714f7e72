"""What joins records, whatever the other side puts there."""

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import UNSET

from otel_mcp_audit.instrumentation import answer, tasks
from otel_mcp_audit.instrumentation.rounds import boundary
from otel_mcp_audit.line import Link, Request, User
from otel_mcp_audit.opencall import CURRENT, Arrival, OpenCall
from otel_mcp_audit.policy import Policy
from otel_mcp_audit.record import Call
from otel_mcp_audit.recorder import Recorder
from otel_mcp_audit.settings import Settings


def opened() -> OpenCall:
    arrival = Arrival(call=Call(method="tools/call", tool="t"), request=Request(method="tools/call", span_id="s"))
    return Recorder(Settings(), Policy(), instance="i-1").open(arrival)


@pytest.mark.parametrize(
    "accepted",
    [
        {"resultType": "task", "taskId": "t-1"},
        {"task": {"taskId": "t-1"}},
        SimpleNamespace(task=SimpleNamespace(taskId="t-1")),
        SimpleNamespace(content=[], meta={answer.TASK: {"taskId": "t-1"}}),
    ],
    ids=["2026-07-28", "2025-11-25 on the wire", "2025-11-25", "fastmcp 2"],
)
def test_an_accepted_task_is_named_in_whichever_shape_it_is_accepted(accepted: object) -> None:
    call = opened()
    ending = answer.answered(call, accepted)
    assert ending.outcome == "task_accepted"
    call.complete(ending)
    assert call.event.link == Link(id="t-1", type="task")


@pytest.mark.parametrize("task_id", [None, "", 7, ["t"], {"t": 1}])
def test_a_task_whose_id_is_no_text_is_accepted_and_joins_nothing(task_id: object) -> None:
    call = opened()
    call.complete(answer.answered(call, {"resultType": "task", "taskId": task_id}))
    assert (call.event.response.outcome, call.event.link) == ("task_accepted", UNSET)


def test_a_hostile_task_id_is_capped_and_its_controls_are_shown() -> None:
    named = answer.task_link("\x1b[31m\ud800" + "x" * 1_000_000)
    assert named is not None
    assert named.id.startswith("\\u001b[31m\\ud800x")
    assert len(named.id) == 128


def test_a_run_has_the_submitters_user_and_request_and_a_span_of_its_own() -> None:
    call = opened()
    call.event.user = User(id="ana")
    submitted = tasks.submission(call)
    run = tasks.run_of(submitted, "t-1", {"a": 1})
    assert run.user is not None
    assert (run.user.id, run.user is call.event.user) == ("ana", False)
    assert (run.request.id, run.request.span_id) == (call.event.request.id, None)
    assert (run.link, run.call.tool, run.event_type) == (Link(id="t-1", type="task"), "t", "tool_call")


def test_only_so_many_submitters_are_remembered() -> None:
    submitted = tasks.submission(opened())
    for number in range(tasks.REMEMBERED + 1):
        tasks.remember(f"bounded-{number}", submitted)
    assert tasks.remembered("bounded-0") is None
    assert tasks.remembered(f"bounded-{tasks.REMEMBERED}") is submitted


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_a_boundary_raises_passes_through_and_the_round_is_named_all_the_same() -> None:
    call = opened()

    async def refuse(_ctx: Any, _call_next: Any) -> Any:
        raise ValueError("refused")

    token = CURRENT.set(call)
    try:
        with pytest.raises(ValueError, match="refused"):
            await boundary(refuse, None, (SimpleNamespace(params={"requestState": "s"}), None), {})
        await boundary(_answers, None, (None, None), {})  # what cannot be read is no fault of the call's
    finally:
        CURRENT.reset(token)
    assert call.event.link is not UNSET
    assert call.event.link.type == "round"


async def _answers(_ctx: Any, _call_next: Any) -> Any:
    return {"resultType": "complete"}
