"""A rate is read as it is written, or refused with the way to write it."""

import pytest

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.rate import Rate
from otel_mcp_audit.settings import Settings


@pytest.mark.parametrize(
    ("text", "rate"), [("60/60s", (60, 60)), ("0/1s", (0, 1)), ("100000/60m", (100_000, 3600)), ("5/2m", (5, 120))]
)
def test_a_rate_is_read(text: str, rate: tuple[int, int]) -> None:
    assert Rate.read(text) == rate


@pytest.mark.parametrize(
    "text",
    ["60", "60/60", "60/s", "-1/60s", "1.5/60s", "60/0s", "60/61m", "60/1h", "100001/60s", "٦٠/60s", "60 /60s", ""],
)
def test_what_is_no_rate_says_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="such as 60/60s"):
        Rate.read(text)


def test_as_a_setting_it_is_named_with_its_value_and_the_mend() -> None:
    with pytest.raises(ConfigurationError, match=r"OTEL_MCP_AUDIT_REFUSALS='lots': write how many in how long"):
        Settings.from_env({"OTEL_MCP_AUDIT_REFUSALS": "lots"})
    with pytest.raises(ConfigurationError, match="OTEL_MCP_AUDIT_REFUSALS: write how many in how long"):
        Settings(refusals="lots")
    assert Settings.from_env({"OTEL_MCP_AUDIT_REFUSALS": "5/2m"}).refusals == "5/2m"
