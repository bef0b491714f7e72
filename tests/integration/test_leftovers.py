"""What an earlier run left in the folder, damaged: adopted or passed over, aloud, and no other record is lost."""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration import trail
from tests.integration.process import Session, eventually, exporting, python, scenes_server
from tests.receivers import HttpReceiver
from tests.receivers.behaviour import ok, status
from tests.scenes.log import ClientLog

Damage = Callable[[Path], object]


def segment(stream: Path) -> Path:
    return stream / "000000000001.jsonl"


def starts(stream: Path) -> Path:
    return stream / "000000000001.starts"


def cursor(stream: Path) -> Path:
    (found,) = stream.glob("*.cursor")
    return found


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def spoil_first_line(stream: Path) -> None:
    whole = segment(stream).read_bytes()
    segment(stream).write_bytes(b"\x00garbage\n" + whole.partition(b"\n")[2])


DAMAGES: Final[dict[str, Damage]] = {
    "nothing": lambda _: None,
    "a torn last line": lambda stream: append(segment(stream), b'{"chain":{"prev":"'),
    "garbage at the end": lambda stream: append(segment(stream), b"\x00\xff not a line\n"),
    "garbage among the starts": lambda stream: append(starts(stream), b"\x00\xff not a start\n"),
    "no start file": lambda stream: starts(stream).unlink(),
    "a cursor of garbage": lambda stream: cursor(stream).write_bytes(b"\x00\xff"),
    "a cursor beyond the end": lambda stream: cursor(stream).write_text(
        json.dumps({"segment": 1, "offset": 10**9, "seq": 10**6}), encoding="utf-8"
    ),
    "an unreadable first line": spoil_first_line,
}
GAPS: Final = {
    "a torn last line": "torn_tail",
    "garbage at the end": "corrupt_tail",
    "garbage among the starts": "corrupt_starts",
    "no start file": "starts_lost",
}
IN_FLIGHT_LOST: Final = {"no start file", "an unreadable first line"}
"""Damages after which nobody can know of the calls in flight."""


@dataclass
class Left:
    """The streams of killed servers, each damaged in its own way, and what the next server made of them."""

    folder: Path
    streams: dict[str, str]
    new_log: ClientLog
    stderr: str
    records: list[dict[str, Any]]

    def lines(self, damage: str) -> list[bytes]:
        """The whole lines of a stream."""
        return (self.folder / self.streams[damage] / "000000000001.jsonl").read_bytes().splitlines()


EARLIER: Final = """
import os
from otel_mcp_audit import Auditor
in_flight = []
for _ in range(%d):
    auditor = Auditor()
    with auditor.call("echo", {}):
        pass
    in_flight.append(auditor.call("slow", {}))
    in_flight[-1].__enter__()
    print(auditor.start().ledger.stream.id, flush=True)
os._exit(9)
"""
"""So many streams, each with a call that ended and one in flight, and nobody to finish them."""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Generator[Left]:
    folder = tmp_path_factory.mktemp("leftovers") / "journal"
    with HttpReceiver(behaviour=status(503)) as receiver:
        environ = exporting(folder, receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
        environ |= dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"), "none")
        earlier = python(EARLIER % len(DAMAGES), environ, instrumented=False)
        assert earlier.stderr == ""
        streams = dict(zip(DAMAGES, earlier.stdout.split(), strict=True))
        for damage, stream in streams.items():
            DAMAGES[damage](folder / stream)
        _strangers(folder)
        receiver.behave(ok())
        with scenes_server(environ, style="lowlevel") as server:
            session = Session(server)
            session.echo("in the new server")
            eventually(lambda: len(_stopped(folder)) >= len(DAMAGES) - 1, "the streams are finished")
            server.leave()
            stderr = server.stderr.text
        yield Left(folder, streams, session.log, stderr, receiver.records())


def _stopped(folder: Path) -> list[Any]:
    found: list[Any] = []
    for path in folder.glob("*/*.jsonl"):
        found += [line for line in path.read_bytes().splitlines() if b'"event_type":"audit_stop"' in line]
    return found


def _strangers(folder: Path) -> None:
    """What else may lie in a folder."""
    (folder / "11111111-1111-4111-8111-111111111111").write_text("a file with the name of a stream", encoding="utf-8")
    (folder / "22222222-2222-4222-8222-222222222222").mkdir()
    (folder / "33333333-3333-4333-8333-333333333333").symlink_to(folder.parent)
    (folder / "notes.txt").write_text("of the operator", encoding="utf-8")


AHEAD: Final = "a cursor beyond the end"
"""As after a power cut: the cursor is newer than what the disk has of the segment. What it says is taken for true."""


@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if damage != AHEAD])
def test_every_call_that_ended_has_arrived(damage: str, left: Left) -> None:
    if damage == "an unreadable first line":
        said = next(line for line in left.stderr.splitlines() if left.streams[damage] in line)
        assert "cannot be adopted" in said
        return
    ended = [event for event in _arrived(left, damage) if event["response"]["outcome"] == "success"]
    assert [event["tool"] for event in ended] == ["echo"]


@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if damage not in IN_FLIGHT_LOST])
def test_every_call_in_flight_has_ended_as_unknown(damage: str, left: Left) -> None:
    unknown = [event["tool"] for event in _arrived(left, damage) if event["response"]["outcome"] == "unknown"]
    assert unknown == ["slow"]


@pytest.mark.parametrize("damage", GAPS)
def test_what_was_damaged_is_said_in_its_own_stream(damage: str, left: Left) -> None:
    events = [json.loads(line)["event"] for line in left.lines(damage) if _is_line(line)]
    for extra in sorted((left.folder / left.streams[damage]).glob("[0-9]*.jsonl"))[1:]:
        events += [json.loads(line)["event"] for line in extra.read_bytes().splitlines()]
    assert GAPS[damage] in [event["trail"]["reason"] for event in events if event["event_type"] == "audit_gap"]


def test_a_cursor_that_cannot_be_read_costs_no_record(left: Left) -> None:
    assert set(left.lines("a cursor of garbage")) <= trail.bodies(left.records)


def test_the_new_servers_own_calls_are_complete(left: Left) -> None:
    earlier = set(left.streams.values())
    own = [line for line in trail.bodies(left.records) if json.loads(line)["chain"]["stream"] not in earlier]
    trail.assert_complete(left.new_log, own)


def test_what_is_no_stream_is_left_where_it_was(left: Left) -> None:
    assert (left.folder / "11111111-1111-4111-8111-111111111111").is_file()
    assert (left.folder / "33333333-3333-4333-8333-333333333333").is_symlink()
    assert (left.folder / "notes.txt").read_text(encoding="utf-8") == "of the operator"


def test_nothing_was_said_as_a_traceback(left: Left) -> None:
    assert "Traceback" not in left.stderr


def _is_line(line: bytes) -> bool:
    return line.startswith(b'{"chain"') and line.endswith(b"}}")


def _arrived(left: Left, damage: str) -> list[dict[str, Any]]:
    """The calls of a damaged stream that are at the receiver, each once."""
    lines = {line for line in trail.bodies(left.records) if left.streams[damage].encode() in line}
    events = [json.loads(line) for line in lines]
    return [
        line["event"]
        for line in events
        if line["chain"]["stream"] == left.streams[damage] and line["event"]["event_type"] == "tool_call"
    ]
