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
