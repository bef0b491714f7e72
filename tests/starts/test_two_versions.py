"""Two versions of us on one folder: what the newer one left when it was killed is not ours to touch."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_mcp_audit import verify
from tests.integration import trail
from tests.integration.process import Session, call, command_line, eventually, scenes_server
from tests.journal.future import all_of_it, its_end, snapshot
from tests.receivers import HttpReceiver
from tests.starts import running


@pytest.mark.parametrize("future", [all_of_it, its_end])
def test_a_server_and_ship_leave_the_stream_of_a_version_to_come_say_so_and_record_their_own(
    future: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "journal"
    with HttpReceiver() as receiver:
        environ = running.environment(folder, receiver, FASTMCP_LOG_LEVEL="WARNING", COLUMNS="1000")
        with scenes_server({**environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}) as server:
            killed = Session(server)
            killed.echo()
            killed.wire.begin(call("in flight", "slow", "unknown", seconds=60, tag="waiting"))
            server.await_start("waiting")
            server.kill()
        (newer,) = (path.parent for path in folder.glob("*/lock"))
        future(newer)
        before = snapshot(newer)
        with scenes_server(environ) as server:
            session = Session(server)
            session.echo("ours")
            eventually(lambda: "format 2" in server.stderr.text, "it is said")
            assert server.leave() == 0
        said = server.stderr.text
        shipped = command_line("ship", "--json", "--timeout", "1", "--dir", str(folder), environ=environ)
        records = receiver.records()
    assert snapshot(newer) == before
    assert said.count("format 2") == 1
    assert newer.name in said
    assert (shipped.returncode, json.loads(shipped.stdout)["delivered"]) == (1, 0)
    assert "format 2" in shipped.stderr
    trail.assert_complete(session.log, list(trail.bodies(records)))
    report = verify.verify([folder])
    assert {(finding.kind, finding.stream) for finding in report.findings if finding.kind == "unknown_version"} == {
        ("unknown_version", newer.name)
    }
