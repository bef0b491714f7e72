"""VictoriaLogs, by OTLP and as if it were Splunk: a real store has what the clients' calls left, byte for byte."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.collector.called import Called, call_all
from tests.collector.collector import Collector
from tests.integration.process import eventually
from tests.parts.victorialogs import VictoriaLogs

pytestmark = pytest.mark.timeout(180)

ID: Final = {"otlp": "audit.record.id", "splunk": "fields.audit.record.id"}
"""How a row by each of the doors names its record."""


class World:
    """A store, and what was sent to it by both doors at once."""

    def __init__(self, store: VictoriaLogs, called: Called) -> None:
        self._store = store
        self.called = called

    def rows(self, door: str) -> list[dict[str, Any]]:
        """What came in by one of the doors."""
        return [row for row in self._store.rows("*") if ID[door] in row]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("victorialogs")
    with VictoriaLogs(folder / "store") as store:
        variables = {
            "AUDIT_OTLP_URL": f"{store.url}/insert/opentelemetry",
            "SPLUNK_HEC_URL": f"{store.url}/insert/splunk/services/collector/event",
            "SPLUNK_HEC_TOKEN": "token",
        }
        with Collector(folder / "collector", "base", "otlp", "splunk", **variables) as collector:
            world = World(store, call_all(folder / "journal", collector.endpoint))
            wanted = len(world.called.lines)
            eventually(lambda: all(len(world.rows(door)) >= wanted for door in ID), "all of it arrives")
            yield world


@pytest.mark.parametrize("door", ID)
def test_victorialogs_has_each_record_once_byte_for_byte(world: World, door: str) -> None:
    rows = world.rows(door)
    world.called.assert_all_in(row["_msg"].encode() for row in rows)
    assert len(rows) == len(world.called.lines)


@pytest.mark.parametrize("door", ID)
def test_each_row_names_the_record_that_its_body_is(world: World, door: str) -> None:
    assert all(row[ID[door]] == json.loads(row["_msg"])["event"]["id"] for row in world.rows(door))


@pytest.mark.parametrize("door", ID)
def test_an_export_of_victorialogs_verifies_and_lacks_nothing(world: World, door: str, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    export.write_text("".join(json.dumps(row) + "\n" for row in world.rows(door)), encoding="utf-8")
    world.called.assert_verified(export)
