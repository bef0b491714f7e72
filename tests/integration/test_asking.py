"""An async resolver of functions outside any request: asked once a call, in time, whatever becomes of the call."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation import asking
from otel_mcp_audit.line import Request
from otel_mcp_audit.opencall import Arrival
from otel_mcp_audit.record import Actor, Call
from otel_mcp_audit.resolver import FAILED, NOT_ASKED, SLOW, Resolver
from tests.integration import trail
from tests.scenes.processes import PATIENCE, environment

SCRIPT: Final = Path(__file__).with_name("asking_alone.py")


@dataclass
class Played:
    """What the process printed, and its records by the function's name."""

    seen: Mapping[str, Any]
    records: Mapping[str, list[Mapping[str, Any]]]

    def users(self, name: str) -> list[tuple[str, str]]:
        """Who called a function, and how that is known."""
        return [(event["user"]["id"], event["user"]["source"]) for event in self.records[name]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("asking") / "journal"
    ran = subprocess.run(
        [sys.executable, str(SCRIPT), "asyncio", str(folder)],
        env=environment(folder),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    records: dict[str, list[Mapping[str, Any]]] = {}
    for event in trail.events(trail.lines(folder), "tool_call"):
        records.setdefault(event["tool"], []).append(event)
    return Played(json.loads(ran.stdout), records)


def test_it_is_asked_once_a_call_and_not_about_its_own(played: Played) -> None:
    assert played.users("asked") == [("ana", "resolver")]
    assert played.users("looked_up") == [("anonymous", "none")] * 2  # of asked, and of taken_back


def test_a_call_whose_resolver_hangs_goes_on_after_a_second(played: Played) -> None:
    assert played.users("hung") == [("anonymous", "none")]
    (event,) = played.records["hung"]
    assert event["response"]["outcome"] == "success"
    assert event["response"]["duration_us"] >= 0.99e6
    assert played.seen["counts"][SLOW] == 1


def test_where_nothing_can_be_awaited_it_is_not_asked_and_that_is_counted(played: Played) -> None:
    assert played.users("at_once") == [("anonymous", "none")]
    assert played.seen["counts"][NOT_ASKED] == 1


def test_a_call_that_is_cancelled_before_it_could_begin_is_on_record_as_whose_it_was(played: Played) -> None:
    assert played.users("taken_back") == [("ana", "resolver")]
    (event,) = played.records["taken_back"]
    assert event["response"]["outcome"] == "disconnected"
    assert played.seen["cancelled"] is True


def arrival() -> Arrival:
    return Arrival(call=Call(method="tools/call", tool="t"), request=Request(method="tools/call"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_a_task_that_is_cancelled_from_outside_leaves_at_once_and_says_so() -> None:
    begun = anyio.Event()

    async def hanging(_: Call) -> Actor | None:
        begun.set()
        await anyio.sleep_forever()

    arrived = arrival()
    task = asyncio.create_task(asking.ask(Resolver(hanging), arrived))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert arrived.asked
    assert arrived.stamp is not None
    assert arrived.request.id == arrived.stamp.id


@pytest.mark.anyio
async def test_a_cancellation_of_the_resolvers_own_is_not_the_calls() -> None:
    async def giving_up(_: Call) -> Actor | None:
        raise asyncio.CancelledError

    before, arrived = faults.counts[FAILED], arrival()
    await asking.ask(Resolver(giving_up), arrived)
    assert arrived.user is None
    assert faults.counts[FAILED] == before + 1
