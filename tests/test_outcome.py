"""The table of outcomes, as the definition of the record has it."""

import pytest

from otel_mcp_audit.outcome import OUTCOMES, outcome


@pytest.mark.parametrize(
    ("name", "audit", "severity", "span_error"),
    [
        ("success", "success", "INFO", False),
        ("tool_error", "failure", "WARN", True),
        ("exception", "failure", "WARN", True),
        ("invalid_params", "failure", "WARN", False),
        ("invalid_request", "failure", "WARN", False),
        ("unknown_tool", "failure", "WARN", False),
        ("not_found", "failure", "WARN", False),
        ("denied", "failure", "WARN", False),
        ("protocol_error", "failure", "WARN", True),
        ("input_required", "success", "INFO", False),
        ("task_accepted", "success", "INFO", False),
        ("cancelled", "failure", "WARN", False),
        ("disconnected", "failure", "WARN", False),
        ("aborted", "unknown", "ERROR", False),
        ("unknown", "unknown", "ERROR", False),
    ],
)
def test_each_outcome_has_its_row(name: str, audit: str, severity: str, span_error: bool) -> None:
    row = OUTCOMES[name]
    assert (row.audit, row.severity.text, row.span_error) == (audit, severity, span_error)


def test_an_outcome_of_a_newer_version_reads_as_unknown() -> None:
    assert outcome("teleported").audit == "unknown"
