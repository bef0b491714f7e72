"""A Collector that is ended again and again under load: what came of every record that its sender was told is kept."""

import json
from pathlib import Path
from typing import Final, Literal

from tests.collector import archive, journals
from tests.collector.collector import Collector
from tests.collector.endured import Endured, Place
from tests.collector.sinks import Sinks
from tests.integration.process import eventually

How = Literal["kill", "terminate"]

STREAMS: Final = 4
"""Journals that are sent at a time: each has one request in flight."""

ARCHIVED_BYTES: Final = 1500
"""A record of ours in the archive has more."""


def endure(folder: Path, ends: int, calls: int, how: How) -> Endured:
    """Ship a journal through a Collector that is ended as often, each time after more of it has come through.

    Args:
        folder: empty.
        ends: how often.
        calls: of each of the journal's streams.
        how: the Collector's method that ends it.
    """
    journal = folder / "journal"
    for _ in range(STREAMS):
        journals.leave(journal, calls)
    lines = journals.lines(journal)
    with (
        Sinks(folder / "sinks") as sinks,
        Collector(folder / "collector", "base", "splunk", "otlp", **sinks.variables) as collector,
        journals.shipping(journal, collector.endpoint) as sender,
    ):
        step, under_way = len(lines) * ARCHIVED_BYTES // (ends + 1), list[int]()
        for number in range(1, ends + 1):
            eventually(lambda: archived(collector) > number * step, "more of it comes through")  # noqa: B023 -- used at once
            under_way.append(len(lines) - len(archive.records(collector.archive)))
            getattr(collector, how)()
            collector.start()
        assert sender.ended() == 0, sender.stderr.text
        shipped = json.loads(sender.stdout.text)
        eventually(
            lambda: all(_all_there(lines, sinks, sink) for sink in ("splunk", "store")), "what was queued arrives"
        )
        return Endured(
            ended=f"Collector: {how}",
            under_way=tuple(under_way),
            sent=len(lines),
            acknowledged=shipped["delivered"],
            places={
                "archive": Place.of(lines, archive.records(collector.archive)),
                "splunk": Place.of(lines, sinks.records("splunk")),
                "store": Place.of(lines, sinks.records("store")),
            },
        )


def archived(collector: Collector) -> int:
    """How many bytes a Collector has archived."""
    return sum(file.stat().st_size for file in collector.archive.glob("mcp-audit*.jsonl"))


def _all_there(lines: list[bytes], sinks: Sinks, sink: str) -> bool:
    return not journals.missing(lines, sinks.records(sink))
