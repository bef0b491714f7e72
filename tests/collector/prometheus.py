"""A real Prometheus that scrapes what it is told and evaluates our rules, quickly: ``apt-get install prometheus``."""

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from tests.collector.binary import CONFIG
from tests.collector.collector import free_ports
from tests.integration.process import eventually
from tests.require import require
from tests.scenes.processes import PATIENCE

OPERATIONS: Final = CONFIG / "operations"
ALERTS: Final = OPERATIONS / "alerts.yaml"
JOB: Final = "otelcol-audit"
_ALTERNATIVES: Final = re.compile(r'__name__=~"(\w+)\(([\w|]+)\)(\w+)"')


def tool(name: str) -> str:
    """The path of ``prometheus`` or ``promtool``; without it the test is skipped, or fails where it is required."""
    found = shutil.which(name)
    require("prometheus", found, "apt-get install --no-install-recommends prometheus")
    assert found is not None
    return found


def named(expressions: str, beginning: str) -> set[str]:
    """The metrics in expressions that begin so (a pattern); alternatives of ``__name__`` one by one."""
    spread = _ALTERNATIVES.sub(
        lambda found: " ".join(f"{found[1]}{part}{found[3]}" for part in found[2].split("|")), expressions
    )
    return set(re.findall(rf"(?<![\w:])(?:{beginning})_\w+", spread))


def impatient(rules: str) -> str:
    """Rules that fire as soon as they hold: nobody waits ten minutes in a test."""
    return "".join(line for line in rules.splitlines(keepends=True) if not line.lstrip().startswith("for: "))


class Prometheus:
    """Runs while it is entered.

    Args:
        state: empty; its data and its log are made in it.
        jobs: what it scrapes: for each job one ``host:port``.
    """

    def __init__(self, state: Path, jobs: Mapping[str, str]) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self._state = state
        (self._port,) = free_ports(1)
        (state / "alerts.yaml").write_text(impatient(ALERTS.read_text(encoding="utf-8")), encoding="utf-8")
        scrapes = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in jobs.items()]
        every = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "250ms"}
        config = {"global": every, "rule_files": ["alerts.yaml"], "scrape_configs": scrapes}
        (state / "prometheus.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML

    def __enter__(self) -> Self:
        line = [
            tool("prometheus"),
            f"--config.file={self._state / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self._state / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        with (self._state / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(line, stdout=log, stderr=subprocess.STDOUT)
        eventually(self._ready, "Prometheus is ready")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """What an expression is now: labels and value of each series."""
        found = self._ask(f"query?{urllib.parse.urlencode({'query': expression})}")
        return [(each["metric"], float(each["value"][1])) for each in found["result"]]

    def values(self, expression: str) -> list[float]:
        """What an expression is now, without labels."""
        return [value for _, value in self.query(expression)]

    def names(self) -> set[str]:
        """The names of all metrics that it has ever scraped or recorded."""
        return set(self._ask("label/__name__/values"))

    def firing(self) -> set[str]:
        """The alerts that fire now."""
        return {labels["alertname"] for labels, _ in self.query('ALERTS{alertstate="firing"}')}

    def _ask(self, what: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{what}", timeout=PATIENCE) as answer:
            return json.loads(answer.read())["data"]

    def _ready(self) -> bool:
        assert self._process.poll() is None, (self._state / "prometheus.log").read_text(encoding="utf-8")[-3000:]
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=PATIENCE):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False
