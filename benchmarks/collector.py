"""Records per CPU second of the Collector: with its queue on disk, in hold mode, and with the archive alone.

A real Collector (``collector-config``) stands before real receivers in another Collector: a Splunk HEC receiver and an
OTLP store. Each variant is a Collector of its own; they take turns, round by round, so that what else the machine does
falls on all alike. In a round the sink that every server sends by sends the same lines of a journal, in requests of 200
from four threads, and the round has ended when the destination has them all. CPU is that of the Collector's process,
user and system, from ``/proc``: that of the senders and receivers is not in it. Idle, a Collector uses CPU too, which a
slow round includes: the round's wall time is given beside it.

``python -m benchmarks.collector [--rounds 7] [--records 10000]``; prints its result as rows of Markdown.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from otel_mcp_audit import AuditRecord
from otel_mcp_audit.sinks import resolve
from tests.collector import journals
from tests.collector.collector import Collector
from tests.collector.sinks import Sinks

AT_ONCE: Final = 200
"""Records of a request, as delivery sends them at most."""

SENDERS: Final = 4
PATIENCE: Final = 120.0
_TICK: Final = os.sysconf("SC_CLK_TCK")


class Variant(NamedTuple):
    """A destination, if any, the value of ``AUDIT_QUEUE``, and who counts what has arrived."""

    name: str
    configs: tuple[str, ...]
    queue: str
    counter: str


_SENT: Final = "otelcol_exporter_sent_log_records"
VARIANTS: Final = (
    Variant("archive alone", (), "true", "file/archive"),
    Variant("OTLP, queue", ("otlp",), "true", "otlp_http/audit"),
    Variant("OTLP, hold", ("otlp",), "false", "otlp_http/audit"),
    Variant("Splunk HEC, queue", ("splunk",), "true", "splunk_hec"),
    Variant("Splunk HEC, hold", ("splunk",), "false", "splunk_hec"),
)


class Round(NamedTuple):
    """CPU and wall seconds of one round."""

    cpu_s: float
    wall_s: float


class Measured:
    """A variant's Collector, and its rounds so far."""

    def __init__(self, variant: Variant, folder: Path, variables: dict[str, str]) -> None:
        self.variant = variant
        self.collector = Collector(folder, "base", *variant.configs, AUDIT_QUEUE=variant.queue, **variables)
        self.rounds: list[Round] = []

    def play(self, lines: Sequence[bytes]) -> None:
        """One round: from the first request to the last record's arrival."""
        requests = [lines[at : at + AT_ONCE] for at in range(0, len(lines), AT_ONCE)]
        wanted = self._sent() + len(lines)
        cpu, wall = _cpu_s(self.collector.pid), time.monotonic()
        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(lambda each: _send(requests[each::SENDERS], self.collector.endpoint), range(SENDERS)))
        while self._sent() < wanted:
            assert time.monotonic() < wall + PATIENCE, f"{self.variant.name}: not all of it arrives"
            time.sleep(0.1)
        self.rounds.append(Round(_cpu_s(self.collector.pid) - cpu, time.monotonic() - wall))

    def _sent(self) -> float:
        return self.collector.metric(_SENT, exporter=self.variant.counter)

    def row(self, records: int) -> str:
        """Medians over the rounds."""
        cpu = statistics.median(each.cpu_s for each in self.rounds)
        wall = statistics.median(each.wall_s for each in self.rounds)
        spread = sorted(records / each.cpu_s for each in self.rounds)
        lowest, highest = f"{spread[0]:,.0f}", f"{spread[-1]:,.0f}"
        return f"| {self.variant.name} | {records / cpu:,.0f} ({lowest} to {highest}) | {records / wall:,.0f} |"


def _send(requests: Iterable[Sequence[bytes]], endpoint: str) -> None:
    """One after the other over one connection, as delivery does for a stream."""
    ((_, sink),) = resolve(f"otlp+{endpoint}", {})
    for lines in requests:
        sink.write([AuditRecord(line, {"service.name": "collector"}) for line in lines])
    sink.close()


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def measured(folder: Path, stack: ExitStack) -> Iterator[Measured]:
    """Every variant, running."""
    sinks = stack.enter_context(Sinks(folder / "sinks"))
    for number, variant in enumerate(VARIANTS):
        each = Measured(variant, folder / str(number), sinks.variables)
        stack.enter_context(each.collector)
        yield each


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collector")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--records", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        lines = journals.leave(folder / "journal", options.records, pad=200)[: options.records]
        variants = list(measured(folder, stack))
        for _ in range(options.rounds + 1):
            for each in variants:
                each.play(lines)
        for each in variants:
            del each.rounds[0]  # the first finds everything cold
    print(f"{len(lines)} records of {sum(map(len, lines)) // len(lines)} bytes, {options.rounds} rounds, load", end=" ")
    print(" ".join(f"{load:.1f}" for load in os.getloadavg()))
    for each in variants:
        print(each.row(len(lines)))


if __name__ == "__main__":
    main()
