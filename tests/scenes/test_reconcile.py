"""The instrument that all of this is measured with finds each way of being wrong."""

import json
from pathlib import Path
from typing import Any

from tests.scenes.log import ClientLog, Expected, Identity, Made, stdio_key
from tests.scenes.reconcile import in_process, journal_lines, received_lines, reconcile

STREAM = "stream-of-4711"


def made(key: str, **changes: Any) -> Made:
    call: dict[str, Any] = {
        "key": key,
        "scene": "ok",
        "sent": {"name": "echo"},
        "expected": Expected(outcome="success", error_type=None),
        "identity": Identity("alice", "acme"),
    }
    return Made(**(call | changes))


def line(record_id: str, request_id: str | None = None, **changes: Any) -> bytes:
    request = {"id": request_id or record_id, "id_source": "client" if request_id else "generated", "rpc_id": "7"}
    event = {
        "id": record_id,
        "event_type": "tool_call",
        "tool": changes.get("tool", "echo"),
        "request": {**request, "transport": changes.get("transport", "http")},
        "response": {
            "outcome": changes.get("outcome", "success"),
            "error_type": changes.get("error_type"),
            "status_code": None,
            "result_count": None,
        },
        "user": {"id": changes.get("user", "alice"), "tenant_id": changes.get("tenant", "acme")},
        "agent": {"name": changes.get("agent")},
    }
    return json.dumps({"chain": {"stream": STREAM}, "event": event}).encode()


def start(pid: int) -> bytes:
    event = {"id": "start", "event_type": "audit_start", "trail": {"pid": pid}}
    return json.dumps({"chain": {"stream": STREAM}, "event": event}).encode()


def test_calls_and_records_that_agree_agree() -> None:
    result = reconcile(ClientLog([made("a"), made("b")]), [start(1), line("1", "a"), line("2", "b")])
    assert result.agrees
    assert str(result) == "all agree"


def test_a_call_without_a_record_is_missing() -> None:
    result = reconcile(ClientLog([made("a"), made("b")]), [line("1", "a")])
    assert not result.agrees
    assert result.missing == ["ok (b)"]


def test_two_records_of_one_call_are_a_double() -> None:
    result = reconcile(ClientLog([made("a")]), [line("1", "a"), line("2", "a")])
    assert not result.agrees
    assert result.doubled == ["ok (a): 1, 2"]


def test_one_record_delivered_twice_is_no_double_but_is_named() -> None:
    result = reconcile(ClientLog([made("a")]), [line("1", "a"), line("1", "a")])
    assert result.agrees
    assert result.resent == ["1"]


def test_a_record_nobody_asked_for_is_a_stranger() -> None:
    result = reconcile(ClientLog([made("a")]), [line("1", "a"), line("2", "z")])
    assert not result.agrees
    assert len(result.strangers) == 1


def test_a_servers_own_calls_are_strangers_unless_they_are_counted() -> None:
    lines = [line("1", "a"), line("2", transport="none")]
    assert [record.id for record in in_process(lines)] == ["2"]
    assert not reconcile(ClientLog([made("a")]), lines).agrees
    assert reconcile(ClientLog([made("a")]), lines, in_process=1).agrees
    assert not reconcile(ClientLog([made("a")]), lines, in_process=2).agrees


def test_each_untrue_field_is_named() -> None:
    untrue = line("1", "a", tool="drop", outcome="tool_error", error_type="tool_error", user="bob", tenant="globex")
    result = reconcile(ClientLog([made("a")]), [untrue])
    assert not result.agrees
    assert result.wrong == [
        "ok (a): tool is 'drop', not 'echo'",
        "ok (a): outcome is 'tool_error', not 'success'",
        "ok (a): error_type is 'tool_error', not None",
        "ok (a): user is 'bob', not 'alice'",
        "ok (a): tenant is 'globex', not 'acme'",
    ]


def test_over_stdio_the_process_or_the_clients_name_tells_connections_apart() -> None:
    lines = [start(4711), line("1", transport="stdio", agent="mine")]
    assert reconcile(ClientLog([made(stdio_key(4711, "7"))]), lines).agrees
    assert reconcile(ClientLog([made(stdio_key("mine", "7"))]), lines).agrees
    assert not reconcile(ClientLog([made(stdio_key(4712, "7"))]), lines).agrees
    assert not reconcile(ClientLog([made(stdio_key(4711, '"7"'))]), lines).agrees


def test_only_whole_lines_of_segments_are_read(tmp_path: Path) -> None:
    stream = tmp_path / STREAM
    stream.mkdir()
    (stream / "000000000001.jsonl").write_bytes(b"one\ntwo\nhal")
    (stream / "000000000003.jsonl").write_bytes(b"three\n")
    (stream / "otlp.quarantine.jsonl").write_bytes(b"four\n")
    assert journal_lines(tmp_path) == [b"one\n", b"two\n", b"three\n"]


def test_a_receivers_bodies_are_the_lines() -> None:
    assert received_lines([{"body": "a line", "attributes": {}}]) == [b"a line"]
