"""A call between its two lines."""

import contextvars

import pytest

from otel_mcp_audit import faults
from otel_mcp_audit.opencall import CURRENT, Ending, Mark, OpenCall, annotate, current
from tests.test_record import event


@pytest.fixture
def opened():
    call = OpenCall(event(), [], {"patient_id": "4711"})
    token = CURRENT.set(call)
    yield call
    CURRENT.reset(token)


def test_only_the_first_ending_counts(opened: OpenCall) -> None:
    assert opened.complete(Ending("cancelled"))
    assert not opened.complete(Ending("success"))
    assert opened.event.response.outcome == "cancelled"


def test_a_closed_call_is_not_current_for_the_task_that_outlived_it(opened: OpenCall) -> None:
    leaked = contextvars.copy_context()
    opened.complete(Ending("success"))
    assert leaked.run(current) is None


def test_annotate_adds_resources_and_replaces_purpose_and_count(opened: OpenCall) -> None:
    annotate(resource="patient:4711", purpose="treatment", result_count=5)
    annotate(resource=["patient:4711", "chart:9"], purpose="research")
    opened.complete(Ending("success", result_count=99))
    assert [(item.type, item.id) for item in opened.event.resources] == [
        ("patient", "patient:4711"),
        ("chart", "chart:9"),
    ]
    assert (opened.event.purpose, opened.event.response.result_count) == ("research", 5)


def test_annotate_outside_a_call_does_nothing_and_is_counted() -> None:
    before = faults.counts["annotate outside a call"]
    annotate(resource="x:1")
    assert faults.counts["annotate outside a call"] == before + 1


def test_annotate_never_raises(opened: OpenCall, caplog: pytest.LogCaptureFixture) -> None:
    annotate(result_count="many")  # pyright: ignore[reportArgumentType] -- the hostile input
    assert opened.open
    assert "annotate" in caplog.text


def test_a_resource_without_a_type_is_a_resource(opened: OpenCall) -> None:
    annotate(resource=["https://x.example/a", "plain", ":odd", "9:9"])
    assert [item.type for item in opened.event.resources] == ["https", "resource", "resource", "resource"]


def test_resources_are_bounded_however_many_are_named(opened: OpenCall) -> None:
    annotate(resource=[f"r:{n}" for n in range(10_000)])
    assert len(opened.event.resources) == 64


def test_a_mark_counts_once(opened: OpenCall) -> None:
    mark = Mark(resource="patient:{patient_id}", phi=True, sensitivity="restricted", action="READ")
    opened.apply(mark, {"patient_id": "1"})
    opened.apply(mark, {"patient_id": "2"})
    assert [item.id for item in opened.event.resources] == ["patient:1"]
    assert (opened.event.phi, opened.event.sensitivity, opened.event.action) == (True, "restricted", "READ")


def test_a_template_that_lacks_its_argument_waits_for_one_who_has_it(opened: OpenCall) -> None:
    mark = Mark(resource="patient:{patient_id}")
    opened.apply(mark, {})
    opened.apply(mark, {"patient_id": "7"})
    assert [item.id for item in opened.event.resources] == ["patient:7"]


def test_a_resource_callable_that_raises_costs_the_resource_only(opened: OpenCall) -> None:
    def failing(**arguments: object) -> object:
        raise ValueError(arguments)

    opened.apply(Mark(resource=failing, phi=True), {"a": 1})
    assert opened.event.phi
    assert list(opened.event.resources) == []


def test_client_text_in_a_template_is_a_value_and_never_a_template(opened: OpenCall) -> None:
    opened.apply(Mark(resource="file:{name}"), {"name": "{name.__class__}"})
    assert opened.event.resources[0].id == "file:{name.__class__}"
