"""Processes that a tool starts: they serve nothing, so they leave nothing, and their parent's trail goes on."""

from pathlib import Path

from tests.integration.process import Session, call, script_server
from tests.receivers import HttpReceiver
from tests.starts import breeding, running
from tests.starts.running import Left


def test_spawned_served_and_forked_children_leave_no_stream_no_duplicate_and_no_deadlock(tmp_path: Path) -> None:
    left = Left(mode="stdio: spawn, forkserver, fork and exit hooks in tools", folder=tmp_path / "journal")
    with HttpReceiver() as receiver:
        environ = running.environment(left.folder, receiver)
        with script_server(Path(breeding.__file__), environ) as server:
            session = Session(server)
            left.log, left.pid = session.log, server.pid
            for number, method in enumerate(("spawn", "forkserver"), start=3):
                made = session.wire.call(call(method, "pool", method=method, number=number))
                assert f"worked out {number**2}" in str(made.answer)
            made = session.wire.call(call("fork", "fork_and_leave_in_order"))
            assert "status 0" in str(made.answer)
            session.echo("after its children")
            left.status = server.leave()
        left.records = receiver.records()
    left.assert_whole()
    assert left.outcomes() == {"success": 4}
    assert left.writers == [left.pid]
    assert left.reasons == ["exit"]
