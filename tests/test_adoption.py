"""What is owed to a stream whose owner is gone."""

from pathlib import Path

import pytest

from otel_mcp_audit import AuditRecord
from otel_mcp_audit.adoption import settle
from otel_mcp_audit.errors import JournalError
from otel_mcp_audit.journal import BEGINNING, Lock, Reader, Stream
from otel_mcp_audit.line import Body, encode_body
from tests.test_record import event

CORRUPT = b'{"event":{"id":"b","tool":[]}}'


def records(stream: Path) -> list[AuditRecord]:
    return [AuditRecord(line) for line, _ in Reader(stream).read(BEGINNING, records=100, limit=1 << 20)]


def test_a_start_that_says_nothing_any_more_is_a_gap_and_costs_no_other(tmp_path: Path) -> None:
    stream = Stream.create(tmp_path)
    stream.begin("a", encode_body(Body(event=event(id="a", tool="t"))))
    stream.begin("b", CORRUPT)
    stream.begin("c", encode_body(Body(event=event(id="c", tool="t"))))
    settle(stream)
    assert not stream.open_calls
    stream.close()
    assert stream.path
    kept = records(stream.path)
    assert [record.event_type for record in kept] == ["tool_call", "audit_gap", "tool_call", "audit_stop"]
    assert [record.outcome for record in kept if record.tool] == ["unknown", "unknown"]


def test_a_stream_that_cannot_be_finished_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise JournalError("no space left")

    stream = Stream.create(tmp_path)
    assert stream.path
    assert not Lock(stream.path).take()
    monkeypatch.setattr(Stream, "append", full)
    with pytest.raises(JournalError):
        settle(stream)
    lock = Lock(stream.path)
    assert lock.take()
    lock.release()
