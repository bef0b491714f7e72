"""A real server and client for each route: the calls that were made are the records at its destination."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

from tests.integration import trail
from tests.integration.process import ROOT, Process, Session, command_line
from tests.receivers import GrpcReceiver, HttpReceiver
from tests.routes import vendor
from tests.routes.conftest import Note
from tests.routes.ingestion import Ingestion
from tests.routes.rows import ROWS, Row
from tests.scenes import scenes
from tests.scenes.processes import command, environment
from tests.scenes.reconcile import journal_lines, received_lines

CALLS: Final = 3
APPLICATION: Final = Path(__file__).with_name("application.py")
ROUTES: Final = {row.name: row for row in ROWS}
YAML: Final = """
file_format: "1.0"
logger_provider:
  processors:
    - simple:
        exporter:
          otlp_http:
            endpoint: {http}/v1/logs
instrumentation/development:
  python:
    mcp_audit: {{{settings}}}
"""


class World:
    """What a route may lead to, and the folder of the journal."""

    def __init__(self, http: HttpReceiver, grpc: GrpcReceiver, ingestion: Ingestion, folder: Path) -> None:
        self.http, self.grpc, self.ingestion, self.folder = http, grpc, ingestion, folder
        self.journal = folder / "journal"
        self.file = folder / "vendor.jsonl"
        self.file.touch()
        vendor.install(folder / "installed")
        for name, settings in {"otel.yaml": "", "own.yaml": f"settings: {{sinks: 'otlp+{http.endpoint}'}}"}.items():
            (folder / name).write_text(YAML.format(http=http.endpoint, settings=settings), encoding="utf-8")

    def here(self, text: str) -> str:
        """A text with the addresses of what was started."""
        return text.format(
            http=self.http.endpoint,
            grpc=self.grpc.endpoint,
            grpc_host=f"127.0.0.1:{self.grpc.port}",
            ingestion=self.ingestion.endpoint,
            folder=self.folder,
        )

    def environ(self, row: Row) -> dict[str, str]:
        """The whole environment of a row's server."""
        clean = {name: value for name, value in environment(self.journal).items() if not name.startswith("OTEL_")}
        return {
            **clean,
            "OTEL_MCP_AUDIT_DIR": str(self.journal),
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_SERVICE_NAME": "routes",
            "PYTHONPATH": f"{self.folder / 'installed'}:{ROOT}",
            "ROUTES_TO": self.http.endpoint,
            vendor.FILE: str(self.file),
            **{name: self.here(value) for name, value in row.all_set.items()},
        }

    def arrived(self, row: Row) -> list[bytes]:
        """The journal lines that the row's destination has."""
        if row.destination == "http receiver":
            return received_lines(self.http.records())
        if row.destination == "grpc receiver":
            return received_lines(self.grpc.records())
        if row.destination == "ingestion":
            return [message.encode() for message in self.ingestion.messages if '"seal"' in message]
        return self.file.read_bytes().splitlines()

    @property
    def anywhere(self) -> int:
        """How much has arrived anywhere."""
        found = (self.http.records(), self.grpc.records(), self.ingestion.messages, self.file.read_bytes())
        return sum(map(len, found))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with HttpReceiver() as http, GrpcReceiver() as grpc, Ingestion() as ingestion:
        yield World(http, grpc, ingestion, tmp_path)


def see_installed(row: Row) -> None:
    """Vendors' packages are in the nox session ``routes`` only, which says so by this variable."""
    if row.part is not None and not os.environ.get("AUDIT_VENDORS"):
        try:
            metadata.version(row.part)
        except metadata.PackageNotFoundError:
            pytest.skip(f"{row.part} is not installed: nox -s routes has it")


def played(row: Row, world: World) -> tuple[Session, Process]:
    """Serve by the row, make the calls, leave."""
    arguments = (row.way, "instrument" if row.instrument or not row.loader else "")
    line = command(APPLICATION, *arguments) if row.loader else [sys.executable, str(APPLICATION), *arguments]
    with Process(line, world.environ(row)) as server:
        session = Session(server)
        for number in range(CALLS):
            session.echo(f"hello {number}")
        assert server.leave() == 0, server.stderr.text
    return session, server


def names_of(world: World) -> list[str]:
    """What the stream's first line says of its sinks."""
    (start,) = trail.events(trail.lines(world.journal), "audit_start")
    assert "problems" not in start["trail"], start["trail"]
    return start["trail"]["sinks"]


@pytest.mark.parametrize("name", ROUTES)
def test_the_calls_made_are_the_records_where_the_route_leads(name: str, world: World, note: Note) -> None:
    row = ROUTES[name]
    see_installed(row)
    session, server = played(row, world)
    trail.assert_kept(session.log, world.journal)
    assert names_of(world) == [world.here(sink) for sink in row.sinks]
    calls = [event["id"] for event in trail.events(trail.lines(world.journal), "tool_call")]
    found = copies(row, world, session, server)
    assert [found[call] for call in calls] == [row.copies if row.destination != "nowhere" else 0] * CALLS
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in server.stdout.lines), "stdout is the protocol"
    note(row, len(calls), sum(found[call] for call in calls))


def copies(row: Row, world: World, session: Session, server: Process) -> Counter[str]:
    """How often the destination has each record, by id; what stands there is the journal's lines to the byte."""
    if row.destination == "nowhere":
        assert not world.anywhere
        return Counter()
    if row.destination == "stderr":
        return Counter(line.rpartition(" ")[2] for line in server.stderr.text.splitlines())
    arrived = world.arrived(row)
    trail.assert_complete(session.log, arrived)
    kept = {line.rstrip(b"\n") for line in journal_lines(world.journal)}
    assert kept.isdisjoint(arrived) if row.altered else kept == set(arrived)
    found = Counter(json.loads(line)["event"]["id"] for line in arrived)
    assert set(found.values()) == {row.copies}, "records about the trail too"
    return found


def test_two_copies_at_one_collector_have_one_uid(world: World) -> None:
    played(ROUTES["otlp and otel to one collector"], world)
    uids = Counter(record["attributes"]["log.record.uid"] for record in world.http.records())
    assert set(uids.values()) == {2}
    assert len(uids) == len(journal_lines(world.journal))


def test_what_a_disabled_sdk_kept_is_shipped_later(world: World) -> None:
    row = ROUTES["SDK disabled"]
    session, _ = played(row, world)
    environ = world.environ(row) | {"OTEL_SDK_DISABLED": "false"}
    shipped = command_line("ship", "--json", environ=environ)
    assert json.loads(shipped.stdout) == {"delivered": len(session.log.made) + 2, "pending": 0, "quarantined": 0}
    trail.assert_complete(session.log, received_lines(world.http.records()))


@pytest.mark.parametrize("sinks", ["otel", "otel,otlp"])
def test_ship_has_no_provider_and_says_so_where_nothing_else_is_named(sinks: str, world: World) -> None:
    row = ROUTES["otel: the loader's provider"]
    session, _ = played(row, world)
    handed = len(world.http.records())
    shipped = command_line("ship", environ=world.environ(row) | {"OTEL_MCP_AUDIT_SINKS": sinks})
    if sinks == "otel":
        assert shipped.returncode == 2
        assert "the server's own LoggerProvider" in shipped.stderr
        assert "OTEL_MCP_AUDIT_SINKS=otlp" in shipped.stderr
        assert "Traceback" not in shipped.stderr
    else:
        assert shipped.returncode == 0, shipped.stderr
        assert len(world.http.records()) == 2 * handed
        trail.assert_complete(session.log, received_lines(world.http.records()))


def test_what_a_killed_server_left_is_handed_over_by_the_next_start(world: World) -> None:
    row = ROUTES["a provider set in code"]
    line = [sys.executable, str(APPLICATION), row.way, "instrument"]
    with Process(line, world.environ(row)) as server:
        session = Session(server)
        session.wire.begin(scenes.slow("left", "left", "unknown"))
        server.await_start("left")
        server.kill()
    played(row, world)
    events = [json.loads(line)["event"] for line in received_lines(world.http.records())]
    (left,) = (event for event in events if event["response"]["outcome"] == "unknown")
    assert left["tool"] == "slow"
    assert session.log.made


def test_a_wrong_setting_in_a_config_file_is_named_and_the_calls_are_kept(world: World) -> None:
    row = ROUTES["OTEL_CONFIG_FILE"]
    see_installed(row)
    text = YAML.format(http=world.http.endpoint, settings="settings: {durabilty: process}")
    (world.folder / "otel.yaml").write_text(text, encoding="utf-8")
    session, server = played(row, world)
    (start,) = trail.events(trail.lines(world.journal), "audit_start")
    assert "did you mean OTEL_MCP_AUDIT_DURABILITY?" in start["trail"]["problems"][0]
    assert "Traceback" not in server.stderr.text
    assert "already instrumented" not in server.stderr.text
    trail.assert_complete(session.log, received_lines(world.http.records()))


@pytest.mark.parametrize("named", ["mcp_audit", "*"])
def test_a_disabled_instrumentation_leaves_the_server_alone_and_is_said_once(named: str, world: World) -> None:
    row = ROUTES["otlp over http"]
    environ = world.environ(row) | {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": named}
    with Process(command(APPLICATION, "nothing", ""), environ) as server:
        Session(server).echo()
        assert server.leave() == 0
    assert server.stderr.text.count("NOT audited") == 1
    assert not world.journal.exists()
    assert not world.anywhere
