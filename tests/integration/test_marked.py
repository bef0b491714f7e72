"""``@audited`` on tools of the package fastmcp: above or below its decorator, and behind a mount."""

import subprocess
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from tests.scenes.processes import PATIENCE, command, environment
from tests.scenes.reconcile import journal_lines, tool_calls

SCRIPT: Final = Path(__file__).with_name("marked.py")
RESOURCES: Final = {
    "below": ["patient:4711"],
    "above": ["patient:4711"],
    "ward_mounted": ["ward:intensive"],
    "unmarked": ["sample:lab"],
}

pytestmark = pytest.mark.skipif(not find_spec("fastmcp"), reason="only beside the package fastmcp")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("marked")
    subprocess.run(command(SCRIPT), env=environment(folder), capture_output=True, timeout=PATIENCE, check=True)
    records = tool_calls(journal_lines(folder))
    assert len(records) == len(RESOURCES)
    return {record.event["tool"]: record.event for record in records}


@pytest.mark.parametrize("tool", RESOURCES)
def test_a_call_says_what_its_tool_touched(events: dict[str, Any], tool: str) -> None:
    assert [resource["id"] for resource in events[tool]["resources"]] == RESOURCES[tool]
    assert events[tool]["response"]["outcome"] == "success"


@pytest.mark.parametrize("tool", ["below", "above"])
def test_a_mark_counts_on_either_side_of_the_decorator(events: dict[str, Any], tool: str) -> None:
    event = events[tool]
    assert (event["sensitivity"], event["phi"], event["purpose"]) == ("restricted", True, "treatment")
    assert event["response"]["result_count"] == 1


@pytest.mark.parametrize(("mode", "written"), [("native", True), ("off", False)])
def test_a_call_has_no_span_where_fastmcp_is_told_to_open_none(mode: str, written: bool, tmp_path: Path) -> None:
    if not hasattr(import_module("fastmcp").settings, "telemetry_mode"):
        pytest.skip("this fastmcp has no such switch")
    told = environment(tmp_path, FASTMCP_TELEMETRY_MODE=mode, OTEL_TRACES_EXPORTER="console")
    ran = subprocess.run(command(SCRIPT), env=told, capture_output=True, timeout=PATIENCE, check=True)
    records = tool_calls(journal_lines(tmp_path))
    assert (b'"kind": "SpanKind.SERVER"' in ran.stdout) is written
    assert len(records) == len(RESOURCES)
    assert all(len(record.event["request"]["trace_id"]) == 32 for record in records)
