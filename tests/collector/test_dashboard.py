"""The dashboard can be read by Grafana, and asks for nothing that no Collector and no server has."""

import re
from collections.abc import Iterator
from itertools import combinations

import pytest

from tests.collector.dashboard import DASHBOARD, PANELS, VARIABLES, Query, queries
from tests.collector.prometheus import Prometheus

BESIDE = {"ALERTS", "up"}
"""Of Prometheus itself."""


def test_panels_do_not_lie_on_each_other_and_each_has_its_number() -> None:
    places = [panel["gridPos"] for panel in PANELS]
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


def test_every_panel_is_a_question_with_its_explanation_at_the_chosen_prometheus() -> None:
    for panel in PANELS:
        if panel["type"] == "row":
            continue
        assert panel["title"].endswith("?")
        assert panel["description"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def test_a_number_is_of_now_and_not_of_what_has_passed() -> None:
    numbers = [panel for panel in PANELS if panel["type"] == "stat"]
    assert numbers
    assert all(target["instant"] for panel in numbers for target in panel["targets"])


def test_every_variable_is_defined_and_used() -> None:
    text = str(DASHBOARD)
    used = set(re.findall(r"\$\{?((?!__)[a-z]\w*)", text))
    assert used == VARIABLES


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with Prometheus(tmp_path_factory.mktemp("prometheus"), {}) as prometheus:
        yield prometheus


@pytest.mark.parametrize("query", [*queries()], ids=lambda each: each.panel)
def test_prometheus_understands_every_query(prometheus: Prometheus, query: Query) -> None:
    assert prometheus.query(query.expression) is not None
