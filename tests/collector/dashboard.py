"""The dashboard's questions, as Grafana would ask them."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from tests.collector.prometheus import OPERATIONS

DASHBOARD: Final[dict[str, Any]] = json.loads((OPERATIONS / "dashboard.json").read_text(encoding="utf-8"))
PANELS: Final[list[dict[str, Any]]] = DASHBOARD["panels"]
VARIABLES: Final = {each["name"] for each in DASHBOARD["templating"]["list"]}

_BUILT_IN: Final = {"$__rate_interval": "5s", "$__range": "1h"}


class Query(NamedTuple):
    """What a panel asks."""

    panel: str
    expression: str


def queries() -> Iterator[Query]:
    """Every query, with Grafana's variables filled in: all Collectors, all servers."""
    for panel in PANELS:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for name, value in _BUILT_IN.items():
                expression = expression.replace(name, value)
            yield Query(panel["title"], re.sub(r"\$(\w+)", ".*", expression))
