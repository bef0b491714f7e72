"""The doctor beside a running server, from a shell that knows nothing of it but the folder."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from otel_mcp_audit.journal import load
from tests.doctor.asked import ask
from tests.integration.process import SERVICE, Process, Session, eventually, exporting, scenes_server
from tests.receivers import HttpReceiver
from tests.receivers.behaviour import ok, status
from tests.scenes.processes import environment

CANARY: Final = "CANARY-of-the-header"


class Served:
    """A server that delivers to a receiver, and its client."""

    def __init__(self, folder: Path, server: Process, receiver: HttpReceiver) -> None:
        self.folder, self.server, self.receiver = folder, server, receiver
        self.session = Session(server)

    def settle(self) -> None:
        """Wait until the server's own cursor says that all is delivered."""

        def settled() -> bool:
            cursors = [load(path)[0] for path in self.folder.glob("*/otlp.cursor")]
            return bool(cursors) and cursors[0].seq == len(self.receiver.records()) == 1 + len(self.session.log.made)

        eventually(settled, "all delivered, and said so")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with HttpReceiver() as receiver:
        changes = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={CANARY}"}
        environ = exporting(tmp_path / "journal", receiver.endpoint, **changes)
        environ |= {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
        with scenes_server(environ, style="lowlevel") as server:
            yield Served(tmp_path / "journal", server, receiver)


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder with its size and the time of its last change."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in [folder, *folder.rglob("*")]}


def test_a_server_that_is_well_is_known_by_its_own_files(served: Served, tmp_path: Path) -> None:
    for _ in range(3):
        served.session.echo()
    served.settle()
    before = files(served.folder)
    answer = ask(served.folder, home=tmp_path)
    assert files(served.folder) == before, "the doctor has changed something"
    assert answer.status == 0, answer.text
    server = answer.one("server")
    assert f"{SERVICE}, process {served.server.pid} " in server["detail"]
    assert ": alive, since " in server["detail"]
    assert server["status"] == "ok"
    assert answer.one("delivery")["detail"].startswith("otlp: nothing is pending, last accepted 2")
    assert answer.one("identity")["detail"].startswith("last 3 calls: by os 3; 0 anonymous, 0 with a tenant")
    assert "success 3" in answer.one("calls")["detail"]
    assert CANARY not in answer.text
    served.session.echo()
    assert served.server.leave() == 0


def test_a_destination_that_refuses_is_named_with_its_answer_until_it_takes_records(
    served: Served, tmp_path: Path
) -> None:
    served.session.echo()
    served.settle()
    served.receiver.behave(status(503))
    served.session.echo()

    def refused() -> bool:
        return any(load(path)[0].last_error for path in served.folder.glob("*/otlp.cursor"))

    eventually(refused, "the cursor tells of the refusal")
    answer = ask(served.folder, home=tmp_path)
    assert answer.status == 1
    check = answer.one("delivery")
    assert check["status"] == "fail"
    assert "1 records (" in check["detail"]
    assert "answer: HTTP 503" in check["detail"]
    assert ", again at 2" in check["detail"]
    served.receiver.behave(ok())
    served.settle()
    assert ask(served.folder, home=tmp_path).one("delivery")["status"] == "ok"


def test_a_server_that_was_killed_is_not_called_alive(served: Served, tmp_path: Path) -> None:
    served.session.echo()
    served.settle()
    served.server.kill()
    server = ask(served.folder, home=tmp_path).one("server")
    assert "gone without an end" in server["detail"]
    assert (server["status"], "otel-mcp-audit ship" in server["mend"]) == ("warn", True)


def test_an_environment_that_is_not_the_servers_is_said(served: Served, tmp_path: Path) -> None:
    served.session.echo()
    answer = ask(served.folder, home=tmp_path, environ={"OTEL_SERVICE_NAME": "billing", "OTEL_MCP_AUDIT_SINKS": "none"})
    assert [check["status"] for check in answer.of("environment")] == ["warn", "warn"]
    service, sinks = (check["detail"] for check in answer.of("environment"))
    assert f"is {SERVICE}, this environment says billing" in service
    assert "delivers to otlp, this environment to none" in sinks


def test_what_a_living_server_could_not_read_is_a_failure_that_names_it(tmp_path: Path) -> None:
    wrong = environment(
        tmp_path / "journal", OTEL_MCP_AUDIT_EMAIL="yes", OTEL_RESOURCE_ATTRIBUTES="service.name=\x1b[31m"
    )
    with scenes_server(wrong, style="lowlevel") as server:
        Session(server).echo()
        answer = ask(tmp_path / "journal", home=tmp_path)
        assert answer.status == 1
        check = answer.one("server")
        assert check["status"] == "fail"
        assert "OTEL_MCP_AUDIT_EMAIL='yes': write true or false" in check["detail"]
        assert "\x1b" not in answer.text
        server.send(signal.SIGTERM)
        server.ended()
    assert ask(tmp_path / "journal", home=tmp_path).one("server")["status"] == "warn"
