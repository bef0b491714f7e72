"""Any exporter by its entry point: a distribution that is really installed, driven as delivery drives it."""

import itertools
import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, use_span

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.sinks import Sink, Unavailable, problems, resolve
from tests.sinks import official
from tests.sinks.entry_points import installed
from tests.sinks.lines import RESOURCE, event, records, sealed

_numbers = itertools.count()


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an exporter that is installed for this test alone."""
    name = f"vendor{next(_numbers)}"
    installed(tmp_path, monkeypatch, name)
    yield name
    sys.modules.pop(name, None)


def sink_of(name: str, **environ: str) -> Sink:
    ((found, sink),) = resolve(name, environ)
    assert found == name
    return sink


def exporter(name: str) -> Any:
    return import_module(name).Exporter


def test_it_is_imported_at_the_first_write_and_gets_the_records_whole(
    vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "3")
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2")
    sink = sink_of(vendor)
    assert vendor not in sys.modules
    given = records(2)
    sink.write(given)
    for got, record, wanted in zip(exporter(vendor).got, given, official.readable(given), strict=True):
        assert got.log_record.body == record.line.decode()
        assert got.log_record.attributes == wanted.log_record.attributes
        assert len(got.log_record.attributes) > 20
        assert got.resource.attributes == RESOURCE
        assert got.instrumentation_scope.name == "otel_mcp_audit"
        for field in ("timestamp", "observed_timestamp", "trace_id", "span_id", "severity_number", "event_name"):
            assert getattr(got.log_record, field) == getattr(wanted.log_record, field)


def test_a_record_without_a_span_gets_none_of_the_current_context(vendor: str) -> None:
    alone = event()
    alone.request.trace_id = alone.request.span_id = None
    somebodys = NonRecordingSpan(SpanContext(1, 1, is_remote=False))
    with use_span(somebodys):
        sink_of(vendor).write([sealed(alone)])
    assert exporter(vendor).got[0].log_record.trace_id == 0


def test_each_record_has_the_resource_of_its_own_stream(vendor: str) -> None:
    sink_of(vendor).write([sealed(event(1), resource={"a": "1"}), sealed(event(2), resource={"a": "2"})])
    assert [got.resource.attributes["a"] for got in exporter(vendor).got] == ["1", "2"]


@pytest.mark.parametrize(("answer", "said"), [(LogRecordExportResult.FAILURE, "FAILURE"), ("nothing", "'nothing'")])
def test_what_export_answers_is_the_acknowledgement(vendor: str, answer: object, said: str) -> None:
    sink = sink_of(vendor)
    exporter(vendor).answers.append(answer)
    with pytest.raises(Unavailable, match=f"answered {said}, not SUCCESS"):
        sink.write(records())
    sink.write(records())
    assert len(exporter(vendor).got) == len(exporter(vendor).made) == 1


def test_what_it_raises_is_again_later(vendor: str) -> None:
    sink = sink_of(vendor)
    exporter(vendor).answers.append(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        sink.write(records())
    sink.write(records())


def test_it_is_flushed_and_shut_down_once(vendor: str) -> None:
    sink = sink_of(vendor)
    sink.close()
    sink.write(records())
    assert exporter(vendor).ended == []
    sink.close()
    sink.close()
    assert exporter(vendor).ended == ["flush", "shutdown"]


@pytest.mark.parametrize(("suffix", "why"), [("_missing", "ModuleNotFoundError"), ("_unmakeable", "ValueError")])
def test_one_that_cannot_be_used_says_why_at_the_first_write_and_when_it_is_asked(
    vendor: str, suffix: str, why: str
) -> None:
    found = resolve(None, {"OTEL_LOGS_EXPORTER": vendor + suffix})
    (said,) = problems(found)
    with pytest.raises(ConfigurationError) as error:
        found[0].sink.write(records())
    assert str(error.value) == said
    assert said.startswith(f"OTEL_LOGS_EXPORTER='{vendor}{suffix}': ")
    assert why in said
    assert "name another sink" in said
    assert "hunter2" not in said


def test_one_that_is_not_installed_is_named_with_those_that_are(vendor: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        resolve(None, {"OTEL_LOGS_EXPORTER": "vendorr"})
    assert "OTEL_LOGS_EXPORTER='vendorr'" in str(error.value)
    assert f"{vendor}, " in str(error.value)


def test_a_name_given_twice_is_one_sink_and_bodies_are_lines(vendor: str) -> None:
    ((_, sink),) = resolve(f"{vendor},{vendor}", {})
    sink.write(records())
    assert json.loads(exporter(vendor).got[0].log_record.body)["seal"]
