"""A server that was killed: whoever comes next finishes its stream, once."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration import trail
from tests.integration.process import Session, call, command_line, eventually, exporting, scenes_server
from tests.receivers import HttpReceiver
from tests.scenes.log import ClientLog

IN_FLIGHT = 3


@dataclass
class Killed:
    """What a killed server has left: finished calls, calls in flight, and their start lines by id."""

    log: ClientLog
    folder: Path
    stream: str
    starts: dict[str, Mapping[str, Any]]

    @property
    def lines(self) -> list[Mapping[str, Any]]:
        """The lines of its stream."""
        return trail.streams(self.folder)[self.stream]


def killed(environ: Mapping[str, str], folder: Path) -> Killed:
    with scenes_server(environ) as server:
        session = Session(server)
        session.echo()
        for number in range(IN_FLIGHT):
            session.wire.begin(call("in flight", "slow", "unknown", seconds=60, tag=f"number-{number}"))
            server.await_start(f"number-{number}")
        server.kill()
    (starts_file,) = folder.glob("*/*.starts")
    starts = [json.loads(line)["event"] for line in starts_file.read_text(encoding="utf-8").splitlines()]
    ended = {line["event"]["id"] for line in trail.lines(folder)}
    open_starts = {event["id"]: event for event in starts if event["id"] not in ended}
    assert len(open_starts) == IN_FLIGHT
    return Killed(session.log, folder, starts_file.parent.name, open_starts)


def environment(folder: Path, receiver: HttpReceiver, **changes: str) -> dict[str, str]:
    return exporting(folder, receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", **changes)


def assert_finished(orphan: Killed) -> None:
    """Every open call has its one record, which says what its start line said; the stream says why it ends."""
    unknown = {
        event["id"]: event
        for event in trail.events(orphan.lines, "tool_call")
        if event["response"]["outcome"] == "unknown"
    }
    assert unknown.keys() == orphan.starts.keys()
    for call_id, start in orphan.starts.items():
        record = unknown[call_id]
        assert {**record, "response": None} == {**start, "response": None}
        assert (record["tool"], record["user"]["source"], record["request"]["method"]) == ("slow", "os", "tools/call")
        assert record["request"]["rpc_id"]
    (stop,) = trail.events(orphan.lines, "audit_stop")
    assert stop["trail"]["reason"] == "the owner is gone"
    trail.assert_kept(orphan.log, orphan.folder)
    trail.assert_sound(orphan.folder)


def test_the_next_start_finishes_and_delivers_the_stream_before_it_has_a_call_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with HttpReceiver() as receiver:
        orphan = killed(environment(folder, receiver), folder)
        with scenes_server(environment(folder, receiver)) as server:
            orphan.log.made += Session(server).log.made
            wanted = set(orphan.starts)
            eventually(
                lambda: wanted <= {record["attributes"]["audit.record.id"] for record in receiver.records()},
                "the orphan's calls arrive",
            )
            server.leave()
        assert_finished(orphan)
        assert trail.undelivered(folder, receiver.records()) == set()


def test_ship_finishes_and_delivers_the_stream(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with HttpReceiver() as receiver:
        environ = environment(folder, receiver)
        orphan = killed(environ, folder)
        shipped = command_line("ship", "--json", "--timeout", "10", "--dir", str(folder), environ=environ)
        assert shipped.returncode == 0, shipped.stderr
        assert json.loads(shipped.stdout)["pending"] == 0
        assert_finished(orphan)
        assert trail.undelivered(folder, receiver.records()) == set()
        again = command_line("ship", "--json", "--timeout", "10", "--dir", str(folder), environ=environ)
        assert json.loads(again.stdout) == {"delivered": 0, "pending": 0, "quarantined": 0}


def test_what_was_adopted_keeps_the_resource_of_its_own_process(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with HttpReceiver() as receiver:
        environ = environment(folder, receiver, OTEL_RESOURCE_ATTRIBUTES="host.name=first")
        orphan = killed(environ, folder)
        other = environ | {"OTEL_RESOURCE_ATTRIBUTES": "host.name=second"}
        command_line("ship", "--json", "--timeout", "10", "--dir", str(folder), environ=other)
        arrived = [record for record in receiver.records() if record["attributes"]["audit.record.id"] in orphan.starts]
        assert len(arrived) == IN_FLIGHT
        assert {record["resource"]["host.name"] for record in arrived} == {"first"}


def test_two_new_servers_race_for_one_orphan_and_it_is_finished_once(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with HttpReceiver() as receiver, ExitStack() as stack:
        orphan = killed(environment(folder, receiver), folder)
        servers = [stack.enter_context(scenes_server(environment(folder, receiver))) for _ in range(2)]
        for server in servers:
            Session(server).echo()
        eventually(lambda: bool(trail.events(orphan.lines, "audit_stop")), "one of them finishes it")
        assert [server.leave() for server in servers] == [0, 0]
        assert trail.doubled(trail.lines(folder)) == []
        assert trail.undelivered(folder, receiver.records()) == set()
        unknown = [event for event in trail.events(orphan.lines, "tool_call") if event["id"] in orphan.starts]
        assert len(unknown) == IN_FLIGHT
        trail.assert_sound(folder)


def test_a_server_of_another_service_leaves_the_stream_to_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with HttpReceiver() as receiver:
        orphan = killed(environment(folder, receiver), folder)
        before = orphan.lines
        with scenes_server(environment(folder, receiver, OTEL_SERVICE_NAME="another")) as server:
            Session(server).echo()
            server.leave()
        assert orphan.lines == before
