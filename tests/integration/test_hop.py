"""The one async hop: who waits for the disk, who goes for the others, what a cancelled or hung one leaves behind."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, cast

import anyio
import pytest

from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.instrumentation import hop as hopping
from otel_mcp_audit.instrumentation.hop import hop
from otel_mcp_audit.journal import Due
from otel_mcp_audit.journal.syncing import Commit
from otel_mcp_audit.opencall import OpenCall


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Disk:
    """Syncs that come back when they are let, and cover what was written when they went."""

    def __init__(self) -> None:
        self.written = 0
        self.syncs = 0
        self.away = threading.Event()
        self.back = threading.Event()
        self.fails = False
        self.commit = Commit(self._sync)

    def _sync(self) -> int:
        covered = self.written
        self.syncs += 1
        self.away.set()
        assert self.back.wait(20)
        if self.fails:
            raise JournalError("it failed")
        return covered

    def call(self) -> OpenCall:
        """A call whose record has just been written."""
        opened = OpenCall(cast("Any", None), (), {})
        opened.open = False
        self.written += 1
        opened.due = Due(self.commit, self.written)
        return opened


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not holds():  # noqa: ASYNC110 -- what it waits for happens in a thread of the product's own
            await anyio.sleep(0.005)


@pytest.mark.anyio
async def test_256_calls_that_wait_together_share_two_syncs() -> None:
    disk = Disk()
    done: list[JournalError | None] = []

    async def waiting() -> None:
        done.append(await hop(disk.call()))

    async with anyio.create_task_group() as group:
        group.start_soon(waiting)
        await until(disk.away.is_set)
        for _ in range(255):
            group.start_soon(waiting)
        await anyio.sleep(0.05)
        assert not done
        disk.back.set()
    assert done == [None] * 256
    assert disk.syncs == 2


@pytest.mark.anyio
async def test_a_call_in_a_cancelled_scope_still_waits_until_its_record_is_on_the_disk() -> None:
    disk = Disk()
    disk.back.set()
    opened = disk.call()
    with anyio.CancelScope() as scope:
        scope.cancel()
        assert await hop(opened) is None
    assert disk.commit.done == 1
    assert opened.due is None


@pytest.mark.anyio
async def test_whoever_is_woken_to_go_and_is_gone_hands_over_to_the_next() -> None:
    """A task that is cancelled by asyncio itself is not held by any scope."""
    disk = Disk()
    first = asyncio.ensure_future(hop(disk.call()))
    await until(disk.away.is_set)
    second, third = asyncio.ensure_future(hop(disk.call())), asyncio.ensure_future(hop(disk.call()))
    await anyio.sleep(0.02)
    disk.back.set()
    await first
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    with anyio.fail_after(1.5):
        assert await third is None


@pytest.mark.anyio
async def test_a_disk_that_does_not_come_back_holds_each_call_for_the_limit_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hopping, "LIMIT_S", 0.2)
    monkeypatch.setattr("otel_mcp_audit.journal.syncing.WAIT_S", 0.05)
    disk = Disk()
    errors: list[JournalError | None] = []

    async def waiting() -> None:
        errors.append(await hop(disk.call()))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(waiting)
    assert all("has not come back from a sync" in str(error) for error in errors)
    assert len(errors) == 5
    disk.back.set()


@pytest.mark.anyio
async def test_why_it_is_not_on_the_disk_is_answered_and_the_call_owes_nothing_more() -> None:
    disk = Disk()
    disk.back.set()
    disk.fails = True
    opened = disk.call()
    assert str(await hop(opened)) == "it failed"
    assert opened.due is None
    disk.fails = False
    assert await hop(disk.call()) is None


@pytest.mark.anyio
async def test_tools_that_hold_every_thread_of_the_common_limiter_hold_no_sync() -> None:
    disk = Disk()
    disk.back.set()
    free = threading.Event()
    async with anyio.create_task_group() as group:
        for _ in range(int(anyio.to_thread.current_default_thread_limiter().total_tokens)):
            group.start_soon(anyio.to_thread.run_sync, lambda: free.wait(20))
        await anyio.sleep(0.05)
        try:
            with anyio.fail_after(1.5):
                assert await hop(disk.call()) is None
        finally:
            free.set()
