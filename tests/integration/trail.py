"""A journal folder and a receiver's store, read with nothing of the product but ``verify``."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from otel_mcp_audit import verify as verification
from tests.scenes.log import ClientLog
from tests.scenes.reconcile import journal_lines, received_lines, reconcile

Line = Mapping[str, Any]


def lines(folder: Path) -> list[Line]:
    """Every line of every stream, decoded."""
    return [json.loads(line) for line in journal_lines(folder)]


def events(found: Iterable[Line], event_type: str) -> list[Mapping[str, Any]]:
    """The events of one type, in their order."""
    return [line["event"] for line in found if line["event"]["event_type"] == event_type]


def streams(folder: Path) -> dict[str, list[Line]]:
    """The lines of each stream."""
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines(folder):
        found[line["chain"]["stream"]].append(line)
    return dict(found)


def gaps(folder: Path) -> list[Mapping[str, Any]]:
    """What the trail says of its gaps."""
    return [event["trail"] for event in events(lines(folder), "audit_gap")]


def assert_sound(*paths: Path, records: int | None = None) -> None:
    """The chains verify, and hold as many records as said."""
    report = verification.verify(list(paths))
    assert report.ok, report.as_dict()
    assert records is None or report.records == records


def findings(folder: Path) -> list[Any]:
    """What ``verify`` finds."""
    return list(verification.verify([folder]).findings)


def assert_complete(log: ClientLog, found: Sequence[bytes], *, in_process: int = 0) -> None:
    """Calls that the client made = records, by id, beside so many that a process made of its own functions."""
    result = reconcile(log, found, in_process=in_process)
    assert result.agrees, str(result)


def assert_kept(log: ClientLog, folder: Path, *, in_process: int = 0) -> None:
    """Each call has one record in the journal, kept once."""
    found = journal_lines(folder)
    assert_complete(log, found, in_process=in_process)
    assert not reconcile(log, found, in_process=in_process).resent


def bodies(records: Iterable[Mapping[str, Any]]) -> set[bytes]:
    """The journal lines that arrived, each once."""
    return set(received_lines(records))


def undelivered(folder: Path, records: Iterable[Mapping[str, Any]]) -> set[str]:
    """Ids of the lines of the journal that have not arrived, of whatever type."""
    arrived = {line.rstrip(b"\n") for line in bodies(records)}
    return {json.loads(line)["event"]["id"] for line in journal_lines(folder) if line.rstrip(b"\n") not in arrived}


def doubled(found: Iterable[Line]) -> list[str]:
    """Ids of events that stand in a journal more than once."""
    return [name for name, times in Counter(line["event"]["id"] for line in found).items() if times > 1]


def decoded(found: Iterable[bytes]) -> list[Line]:
    """Lines as objects, in the order of their chain."""
    return sorted(map(json.loads, found), key=lambda line: (line["chain"]["stream"], line["chain"]["seq"]))
