"""What is worth knowing about a route before a record is sent."""

import pytest

from otel_mcp_audit.sinks import resolve, warnings


@pytest.mark.parametrize("limit", ["OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT"])
def test_a_limit_that_cuts_what_is_handed_over_is_warned_of(limit: str) -> None:
    environ = {limit: "10"}
    (said,) = warnings(resolve("otel", environ), environ)
    assert limit in said
    assert not warnings(resolve("otlp", environ), environ)
    assert not warnings(resolve("otel", {}), {})


def test_two_ways_to_one_destination_are_warned_of() -> None:
    (said,) = warnings(resolve("otlp,otel", {}), {})
    assert "otel and otlp" in said
    assert "log.record.uid" in said


@pytest.mark.parametrize(
    ("variable", "value", "warned"),
    [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10000", True),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "1000", True),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "inf", True),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "999", False),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "", False),
    ],
)
def test_case_006_a_timeout_that_was_meant_in_milliseconds_is_warned_of_with_the_one_in_force(
    variable: str, value: str, *, warned: bool
) -> None:
    environ = {variable: value}
    found = warnings(resolve("otlp", environ), environ)
    assert len(found) == warned
    assert all(f"{variable}={value} is in seconds" in said and "60 s are used" in said for said in found)
    assert not warnings(resolve("console", environ), environ)
