"""The audit of code that no MCP kernel carries."""

import asyncio
import os
from asyncio import CancelledError
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest
from blockbuster import blockbuster_ctx

from otel_mcp_audit import Actor, Auditor, AuditRecord, Settings, annotate
from otel_mcp_audit.journal import Reader
from otel_mcp_audit.journal.cursor import BEGINNING
from otel_mcp_audit.verify import verify
from tests.integration import trail


def auditor(folder: Path, **fields: object) -> Auditor:
    return Auditor(Settings(**{"dir": str(folder), "sinks": "none", **fields}))  # pyright: ignore[reportArgumentType] -- a test's shorthand


def records(folder: Path) -> list[AuditRecord]:
    found: list[AuditRecord] = []
    for stream in sorted(path for path in folder.iterdir() if path.is_dir()):
        found += [AuditRecord(line) for line, _ in Reader(stream).read(BEGINNING, records=10_000, limit=1 << 30)]
    return found


def calls(folder: Path) -> list[AuditRecord]:
    return [record for record in records(folder) if record.event_type == "tool_call"]


def test_a_block_is_one_tool_call_with_its_actor_and_what_it_said_of_itself(tmp_path: Path) -> None:
    audit = auditor(tmp_path)
    with audit.call("export_rows", {"table": "SECRET"}, actor=Actor("alice", tenant_id="acme")):
        annotate(resource="table:rows", purpose="billing", result_count=3)
    audit.close()
    (record,) = calls(tmp_path)
    assert (record.tool, record.outcome) == ("export_rows", "success")
    assert (record.user.id, record.user.tenant_id) == ("alice", "acme")
    assert (record.resources[0].id, record.event.purpose, record.response.result_count) == ("table:rows", "billing", 3)
    assert b"SECRET" not in record.line


def test_the_blocks_exception_is_its_outcome_and_passes_through(tmp_path: Path) -> None:
    audit = auditor(tmp_path)
    error = KeyError("CANARY")
    with pytest.raises(KeyError) as caught, audit.call("t", {}):
        raise error
    audit.close()
    assert caught.value is error
    (record,) = calls(tmp_path)
    assert (record.outcome, record.response.error_type) == ("exception", "KeyError")
    assert b"CANARY" not in record.line


@pytest.mark.parametrize(
    ("error", "outcome"), [(KeyboardInterrupt, "aborted"), (SystemExit, "aborted"), (CancelledError, "disconnected")]
)
def test_a_block_that_is_given_up_did_not_fail(tmp_path: Path, error: type[BaseException], outcome: str) -> None:
    audit = auditor(tmp_path)
    with pytest.raises(error), audit.call("t", {}):
        raise error
    audit.close()
    assert [record.outcome for record in calls(tmp_path)] == [outcome]


def test_nothing_exists_before_the_first_call(tmp_path: Path) -> None:
    audit = auditor(tmp_path / "journal")
    assert not (tmp_path / "journal").exists()
    audit.close()
    assert not (tmp_path / "journal").exists()


def test_the_stream_begins_with_what_belongs_to_all_and_ends_with_why(tmp_path: Path) -> None:
    audit = auditor(tmp_path)
    with audit.call("t", {}):
        pass
    audit.close(reason="done")
    first, *_, last = records(tmp_path)
    assert (first.event_type, last.event_type) == ("audit_start", "audit_stop")
    trail = first.event.trail
    assert trail is not msgspec.UNSET
    assert trail.pid == os.getpid()
    assert trail.durability == "process"
    assert trail.resource is not msgspec.UNSET
    assert "service.name" in {item.name for item in trail.resource}
    assert verify([tmp_path]).ok


def test_a_disabled_audit_says_so_in_a_stream_of_its_own_and_keeps_no_call(tmp_path: Path) -> None:
    audit = auditor(tmp_path, disabled=True)
    for _ in range(2):
        with audit.call("t", {}):
            pass
    assert [record.event_type for record in records(tmp_path)] == ["audit_start", "audit_stop"]
    assert (stop := records(tmp_path)[-1].event.trail) is not msgspec.UNSET
    assert stop.reason == "disabled"


def test_a_call_after_the_close_is_left_alone(tmp_path: Path) -> None:
    audit = auditor(tmp_path)
    audit.close()
    with audit.call("t", {}):
        pass
    assert not list(tmp_path.iterdir())


class Hostile(dict[str, object]):
    """Arguments that nobody can look at."""

    def items(self) -> NoReturn:  # pyright: ignore[reportIncompatibleMethodOverride] -- it is hostile
        raise RuntimeError("CANARY")


@pytest.mark.parametrize("after", [0, 1], ids=["before the stream", "in the stream"])
def test_a_call_that_cannot_even_be_opened_is_run_and_the_stream_says_that_one_is_missing(
    tmp_path: Path, after: int
) -> None:
    audit = auditor(tmp_path)
    ran: list[str] = []
    for _ in range(after):
        with audit.call("seen", {}):
            pass
    with audit.call("unseen", Hostile()):
        ran.append("unseen")
    with audit.call("seen", {}):
        pass
    audit.close()
    assert ran == ["unseen"]
    assert len(calls(tmp_path)) == after + 1
    assert trail.gaps(tmp_path) == [{"count": 1, "reason": "not kept: could not be opened; the server's log says why"}]


def test_no_call_is_lost_in_silence_where_the_event_loop_may_not_wait_for_a_disk(tmp_path: Path) -> None:
    audit = auditor(tmp_path)

    async def call(tool: str) -> None:
        with audit.call(tool, {}):
            pass

    with blockbuster_ctx():
        asyncio.run(call("forbidden"))
    asyncio.run(call("after"))
    audit.close()
    assert [record.tool for record in calls(tmp_path)] == ["after"]
    assert [gap["count"] for gap in trail.gaps(tmp_path)] == [1]


def test_after_a_rest_the_next_call_opens_another_stream(tmp_path: Path) -> None:
    audit = auditor(tmp_path)
    for _ in range(2):
        with audit.call("t", {}):
            pass
        audit.rest(1.0, "resting")
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2
    assert len(calls(tmp_path)) == 2


def test_a_rest_while_a_call_is_in_flight_closes_nothing(tmp_path: Path) -> None:
    audit = auditor(tmp_path)
    with audit.call("t", {}):
        audit.rest(1.0, "resting")
    audit.close()
    assert [record.event_type for record in records(tmp_path)] == ["audit_start", "tool_call", "audit_stop"]


def test_a_forked_child_has_a_stream_of_its_own(tmp_path: Path) -> None:
    audit = auditor(tmp_path)
    with audit.call("parent", {}):
        child = os.fork()
        if child == 0:
            with audit.call("child", {}):
                pass
            audit.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    audit.close()
    assert sorted(record.tool or "" for record in calls(tmp_path)) == ["child", "parent"]
    assert verify([tmp_path]).ok


def test_without_a_folder_the_trail_is_in_memory_and_every_record_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[AuditRecord] = []
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    for variable in ("HOME", "XDG_STATE_HOME", "STATE_DIRECTORY", "TMPDIR"):
        monkeypatch.setenv(variable, str(blocked))
    monkeypatch.setattr("tempfile.tempdir", str(blocked))
    audit = auditor(blocked, sinks=[taken.extend])
    with audit.call("t", {}):
        pass
    assert audit.close(10.0)
    assert {record.event.durability for record in taken} == {"memory"}
    assert "tool_call" in {record.event_type for record in taken}
