"""End what is on a record's way under load, more often than ``make test`` does: ``python -m tests.collector.torture``.

Prints the counts as JSON; exit status 1 where anything that was acknowledged is missing anywhere.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.collector.chaos import How, endure
from tests.collector.endured import Endured
from tests.collector.kafka_road import Road as KafkaRoad
from tests.collector.kafka_road import Victim
from tests.collector.s3_road import Road as S3Road
from tests.parts.seaweedfs import SeaweedFS

CALLS_PER_KILL: Final = 400
"""Of each stream."""


def main() -> int:
    """Kill, end as an operator does, and count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=15)
    kills = parser.parse_args().kills
    lost = 0
    for run in (_collector, _kafka, _s3):
        with tempfile.TemporaryDirectory() as folder:
            for endured in run(Path(folder), kills):
                print(endured, flush=True)
                lost += endured.lost
    return 1 if lost else 0


def _collector(folder: Path, kills: int) -> Iterator[Endured]:
    plan: tuple[tuple[How, int], ...] = (("kill", kills), ("terminate", max(1, kills // 4)))
    for how, ends in plan:
        place = folder / how
        place.mkdir()
        yield endure(place, ends, CALLS_PER_KILL * ends, how)


def _kafka(folder: Path, kills: int) -> Iterator[Endured]:
    with KafkaRoad(folder) as road:
        plan: tuple[tuple[Victim, int], ...] = (("agent", kills), ("consumer", kills), ("broker", max(2, kills // 4)))
        for victim, ends in plan:
            yield road.endure(victim, victim, ends, CALLS_PER_KILL * ends)


def _s3(folder: Path, kills: int) -> Iterator[Endured]:
    with SeaweedFS(folder / "store") as store:
        road = S3Road(folder, store)
        with road.collector:
            yield road.endure(kills, CALLS_PER_KILL * kills)


if __name__ == "__main__":
    sys.exit(main())
