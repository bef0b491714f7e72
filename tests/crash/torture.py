"""Kill a loaded server again and again, its endpoint too: ``python -m tests.crash.torture --kills 50 --away 60``.

Afterwards the receiver's own store is compared with the client's own log, by id. Prints the counts as JSON; exit status
1 where anything is missing, doubled or untrue.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from otel_mcp_audit.verify import verify
from tests.crash.endpoint import Endpoint
from tests.crash.life import Life, live
from tests.integration import trail
from tests.integration.process import Session, eventually, exporting, scenes_server
from tests.scenes.log import Made
from tests.scenes.reconcile import Kept, kept, records_of

SERVERS: Final = 2
"""Servers on one folder at a time."""

SETTLED_WITHIN: Final = 60.0


@dataclass
class Tally:
    """What came of it. The lists are empty where the promise was kept.

    Attributes:
        kills: servers killed.
        calls: what they were sent; ``acknowledged`` of these; ``records`` of them at the receiver, resent ones too.
        in_flight: open calls at each kill.
        missing: acknowledged calls whose record is not at the receiver.
        doubled: calls with more than one record.
        untrue: acknowledged calls whose record does not say success.
        left: records of any kind that are in the journal and not at the receiver.
        findings: what ``verify`` finds in the journal.
        unknown: calls that the kill ended, by their record.
        resent: records that arrived more than once, legally.
    """

    kills: int = 0
    calls: int = 0
    acknowledged: int = 0
    records: int = 0
    in_flight: list[int] = field(default_factory=list[int])
    missing: list[str] = field(default_factory=list[str])
    doubled: list[str] = field(default_factory=list[str])
    untrue: list[str] = field(default_factory=list[str])
    left: list[str] = field(default_factory=list[str])
    findings: list[str] = field(default_factory=list[str])
    unknown: int = 0
    resent: int = 0

    @property
    def kept(self) -> bool:
        """Nothing missing, doubled, untrue or left, and every chain intact."""
        return not (self.missing or self.doubled or self.untrue or self.left or self.findings)


def torture(folder: Path, *, kills: int, away: float, seed: int) -> Tally:
    """Kill servers so many times, take the endpoint away so long in between, let all settle, and count."""
    with Endpoint(folder / "received.jsonl") as endpoint:
        quiet = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"), "none")
        journal = folder / "journal"
        environ = exporting(journal, endpoint.address, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", **quiet)
        lives = _killed(environ, endpoint, kills, away, seed)
        _settle(environ, journal, endpoint)
        return _tally(lives, journal, endpoint.records())


def _killed(environ: Mapping[str, str], endpoint: Endpoint, kills: int, away: float, seed: int) -> list[Life]:
    over = threading.Event()
    absence = threading.Thread(target=_take_away, args=(endpoint, away, over))
    absence.start()
    try:
        with ThreadPoolExecutor(SERVERS) as pool:
            randoms = [Random(f"{seed}-{number}") for number in range(kills)]
            return list(pool.map(partial(live, environ), randoms))
    finally:
        over.set()
        absence.join()


def _take_away(endpoint: Endpoint, away: float, over: threading.Event) -> None:
    """Here for a little, then gone for so long, until all servers are dead; at the end it is back."""
    while not over.wait(away / 12):
        endpoint.kill()
        time.sleep(away)
        endpoint.start()


def _settle(environ: Mapping[str, str], journal: Path, endpoint: Endpoint) -> None:
    """A last start adopts and delivers what the dead left behind."""
    with scenes_server(environ, style="lowlevel") as server:
        Session(server)
        eventually(lambda: not trail.undelivered(journal, endpoint.records()), "all has arrived", SETTLED_WITHIN)
        server.leave()


def _tally(lives: list[Life], journal: Path, received: list[dict[str, Any]]) -> Tally:
    arrived = kept(trail.bodies(received))
    made = [made for life in lives for made in life.log.made]
    by_key = _by_key(arrived)
    tally = Tally(
        kills=len(lives),
        calls=len(made),
        acknowledged=sum(len(life.acknowledged) for life in lives),
        records=len(arrived),
        in_flight=[life.in_flight for life in lives],
        left=sorted(trail.undelivered(journal, received)),
        findings=[str(finding) for finding in verify([journal]).findings],
        resent=len(received) - len(trail.bodies(received)),
        unknown=sum(record.event["response"]["outcome"] == "unknown" for record in arrived),
    )
    tally.doubled = trail.doubled(trail.lines(journal))
    for call in made:
        _judge(tally, call, records_of(call, by_key.get(call.key, [])))
    return tally


def _by_key(records: list[Kept]) -> dict[str, list[Kept]]:
    found: dict[str, list[Kept]] = {}
    for record in records:
        for key in record.keys:
            found.setdefault(key, []).append(record)
    return found


def _judge(tally: Tally, call: Made, records: list[Kept]) -> None:
    if len(records) > 1:
        tally.doubled.append(call.key)
    if call.answer is None:
        return
    if not records:
        tally.missing.append(call.key)
    elif records[0].event["response"]["outcome"] != "success":
        tally.untrue.append(f"{call.key}: {Counter(record.event['response']['outcome'] for record in records)}")


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--away", type=float, default=60.0, help="seconds that the endpoint is away at a time")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        tally = torture(Path(folder), kills=given.kills, away=given.away, seed=given.seed)
    print(json.dumps({"seed": given.seed, **asdict(tally), "kept": tally.kept}, indent=2))
    return 0 if tally.kept else 1


if __name__ == "__main__":
    sys.exit(main())
