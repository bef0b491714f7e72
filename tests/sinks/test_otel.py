"""Records handed to a LoggerProvider, in line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from otel_mcp_audit import Auditor, Settings, faults
from otel_mcp_audit.journal.ending import finished
from otel_mcp_audit.sinks import problems, resolve
from tests.sinks.globally import set_globally
from tests.sinks.lines import records


@pytest.fixture(autouse=True)
def nothing_said() -> None:
    """Log lines are rate-limited for the whole process."""
    faults._last_said.clear()  # pyright: ignore[reportPrivateUsage] -- a rate limit has no public way back


class Doing(LogRecordProcessor):
    """A processor that does something of its own with each record."""

    def __init__(self, what: Callable[[], object]) -> None:
        self._what = what

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        del log_record
        self._what()

    def shutdown(self) -> None:
        """Nothing."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        del timeout_millis
        return True


def provider_with(*processors: LogRecordProcessor) -> tuple[LoggerProvider, InMemoryLogRecordExporter]:
    provider, exporter = LoggerProvider(shutdown_on_exit=False), InMemoryLogRecordExporter()
    for processor in (*processors, SimpleLogRecordProcessor(exporter)):
        provider.add_log_record_processor(processor)
    return provider, exporter


def bodies(exporter: InMemoryLogRecordExporter) -> list[str]:
    return [str(each.log_record.body) for each in exporter.get_finished_logs()]


def test_a_record_is_there_when_write_returns_with_all_its_parts() -> None:
    provider, exporter = provider_with()
    ((name, sink),) = resolve(None, {}, provider)
    (record,) = records()
    sink.write([record])
    (got,) = exporter.get_finished_logs()
    assert (name, got.log_record.body) == ("otel", record.line.decode())
    assert got.log_record.event_name == "mcp_audit.tool_call"
    assert got.log_record.attributes is not None
    assert got.log_record.attributes["log.record.uid"] == record.id
    assert got.log_record.trace_id == int(record.request.trace_id or "", 16)
    assert got.log_record.trace_flags.sampled, "or whoever drops the logs of unsampled traces would drop it"
    sink.close()


def test_the_provider_that_is_set_when_a_record_comes_is_the_one() -> None:
    ((_, sink),) = resolve("otel", {})
    (said,) = problems(resolve("otel", {}))
    assert "no LoggerProvider is set" in said
    assert "such as otlp" in said
    before = faults.counts["handing a record over"]
    with set_globally(None):
        sink.write(records())
    assert faults.counts["handing a record over"] == before + 1
    provider, exporter = provider_with()
    with set_globally(provider):
        assert not problems(resolve("otel", {}))
        sink.write(records())
    assert len(bodies(exporter)) == 1


def endless() -> object:
    return endless()


@pytest.mark.parametrize("what", [lambda: 1 / 0, endless], ids=["raises", "recurses"])
def test_a_processor_that_fails_is_counted_and_harms_nobody(what: Callable[[], object]) -> None:
    provider, _ = provider_with(Doing(what))
    ((_, sink),) = resolve(None, {}, provider)
    before = faults.counts["handing a record over"]
    sink.write(records())
    sink.write(records())
    assert faults.counts["handing a record over"] == before + 2


def audited(provider: LoggerProvider, folder: str) -> Auditor:
    return Auditor(Settings(dir=folder), logger_provider=provider)


def test_a_call_is_handed_over_before_it_returns_and_so_is_what_the_trail_says_of_itself(tmp_path: Path) -> None:
    provider, exporter = provider_with()
    auditor = audited(provider, f"{tmp_path}/journal")
    with auditor.call("echo", {}):
        assert [each.log_record.event_name for each in exporter.get_finished_logs()] == ["mcp_audit.audit_start"]
    assert len(bodies(exporter)) == 2
    auditor.close()
    names = [each.log_record.event_name for each in exporter.get_finished_logs()]
    assert names == ["mcp_audit.audit_start", "mcp_audit.tool_call", "mcp_audit.audit_stop"]


def test_a_processor_that_makes_audited_calls_ends_and_its_calls_are_in_the_journal(tmp_path: Path) -> None:
    made: list[int] = []

    def again() -> None:
        made.append(1)
        with auditor.call("within", {}):
            pass

    provider, exporter = provider_with(Doing(again))
    auditor = audited(provider, f"{tmp_path}/journal")
    with auditor.call("echo", {}):
        pass
    auditor.close()
    assert len(made) == len(bodies(exporter)) == 3, "start, call and stop: none of its own calls"
    kept = "".join(path.read_text(encoding="utf-8") for path in Path(f"{tmp_path}/journal").glob("*/0*.jsonl"))
    assert kept.count('"tool":"within"') == 2


def test_a_stream_that_went_to_otel_alone_is_finished_when_it_is_closed(tmp_path: Path) -> None:
    provider, _ = provider_with()
    auditor = audited(provider, f"{tmp_path}/journal")
    with auditor.call("echo", {}):
        pass
    (stream,) = (tmp_path / "journal").glob("*-*")
    assert not finished(stream, ["otel"])
    auditor.close()
    assert finished(stream, ["otel"]), "or every later start would take it up again"
    assert not finished(stream, ["otel", "otlp"])
