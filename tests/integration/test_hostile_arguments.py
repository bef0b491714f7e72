"""Whatever a client sends costs at most its own field: one record each, canonical and short, and no secret anywhere."""

import http.client
import json
import re
import socket
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import rfc8785

from tests.integration import hostile, trail
from tests.integration.hostile import CANARY, DOUBTFUL, Hostile
from tests.integration.process import Process, Session, call, exporting, python, scenes_server, script_server
from tests.receivers import HttpReceiver
from tests.scenes import messages
from tests.scenes.accounts import ALICE
from tests.scenes.log import ClientLog, Made
from tests.scenes.processes import environment
from tests.scenes.reconcile import journal_lines
from tests.scenes.tools import CANARY as CRASH

ACCEPTING: Final = Path(__file__).with_name("accepting.py")
LONGEST_LINE: Final = 16 * 1024


@dataclass
class Attacked:
    """A server that was sent everything.

    Attributes:
        between: the harmless calls between the others.
        answers: by id as JSON text; a call that was not read has none.
    """

    log: ClientLog
    folder: Path
    stderr: str
    between: list[Made] = field(default_factory=list[Made])
    answers: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    records: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    spans: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def events(self, rpc_id: str) -> list[dict[str, Any]]:
        """The records of a call."""
        shown = json.dumps(json.loads(rpc_id), ensure_ascii=False)
        calls = trail.events(trail.lines(self.folder), "tool_call")
        return [dict(event) for event in calls if _same(event["request"]["rpc_id"], shown)]


def _same(recorded: str, sent: str) -> bool:
    """Recorded ids are capped, and their control characters visible."""
    return recorded == sent or (recorded.endswith("…") and sent.startswith(recorded[:-1]))


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Generator[Attacked]:
    folder = tmp_path_factory.mktemp("hostile") / "journal"
    with HttpReceiver() as receiver:
        environ = exporting(folder, receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
        with script_server(ACCEPTING, environ) as server:
            session = Session(server)
            found = Attacked(session.log, folder, "")
            for sent in (*hostile.calls(), *DOUBTFUL):
                _send(server, sent)
                found.between.append(session.echo("still here"))
            session.wire.call(call("crash", "boom", "exception"))
            assert server.leave() == 0
            found.stderr = server.stderr.text
            messages = [json.loads(line) for line in server.stdout.lines]
        found.answers = {json.dumps(message["id"]): message for message in messages if "id" in message}
        found.records, found.spans = receiver.records(), receiver.spans()
        yield found


def _send(server: Process, sent: Hostile) -> None:
    server.stdin.write(sent.line)
    server.stdin.flush()


@pytest.mark.parametrize("sent", hostile.calls(), ids=lambda sent: sent.name)
def test_a_hostile_call_has_exactly_one_record(sent: Hostile, attacked: Attacked) -> None:
    assert len(attacked.events(sent.rpc_id)) == 1


@pytest.mark.parametrize("sent", DOUBTFUL, ids=lambda sent: sent.name)
def test_what_the_kernel_does_not_take_for_a_request_has_one_record_or_none(sent: Hostile, attacked: Attacked) -> None:
    answered_as_a_call = "result" in attacked.answers.get(sent.rpc_id, {})
    assert len(attacked.events(sent.rpc_id)) == int(answered_as_a_call)


def test_every_other_call_is_answered_and_on_record(attacked: Attacked) -> None:
    assert len(attacked.between) == len(hostile.calls()) + len(DOUBTFUL)
    for made in attacked.between:
        (event,) = attacked.events(made.key.partition("/")[2])
        assert event["response"]["outcome"] == "success"


def test_every_line_is_short_and_canonical(attacked: Attacked) -> None:
    for line in journal_lines(attacked.folder):
        assert len(line) <= LONGEST_LINE
        assert rfc8785.dumps(json.loads(line)) == line.rstrip(b"\n")


def test_no_line_has_a_control_character_or_a_lone_surrogate(attacked: Attacked) -> None:
    for line in journal_lines(attacked.folder):
        text = line.rstrip(b"\n").decode("utf-8")  # strict: an unpaired surrogate has no UTF-8
        assert text.isprintable()
        assert not re.search(r"(?<!\\)(\\\\)*\\(u|[bfnrt])", text)  # nor one written as JSON's escape


def test_no_argument_name_becomes_a_key(attacked: Attacked) -> None:
    keys = {key for line in trail.lines(attacked.folder) for param in line["params"] for key in param}
    assert keys <= {"bytes", "name", "type", "omitted"}


def test_all_of_it_arrives_and_verifies(attacked: Attacked) -> None:
    trail.assert_sound(attacked.folder)
    assert trail.undelivered(attacked.folder, attacked.records) == set()


def test_a_junk_traceparent_is_not_taken_for_a_parent(attacked: Attacked) -> None:
    by_name = {sent.name: sent for sent in hostile.calls()}
    for name in ("a junk traceparent", "a traceparent of zeros", "a traceparent that is no text"):
        (event,) = attacked.events(by_name[name].rpc_id)
        assert event["request"]["trace_id"] not in {None, "0" * 32}
    (event,) = attacked.events(by_name["a tracestate of 1 MB"].rpc_id)
    assert event["request"]["trace_id"] == "1" * 32


@pytest.mark.parametrize("secret", [CANARY, CRASH])
def test_no_secret_of_an_argument_or_a_crash_is_anywhere(secret: str, attacked: Attacked) -> None:
    """Arguments, results and exception texts: not in the journal, on the wire, on a span of ours or in our log."""
    assert any(secret in str(answer) for answer in attacked.answers.values()) or secret in attacked.stderr
    for path in attacked.folder.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path
    assert secret not in json.dumps(attacked.records)
    assert secret not in json.dumps([span for span in attacked.spans if span["scope"] == "otel_mcp_audit"])
    assert not [line for line in attacked.stderr.splitlines() if "otel_mcp_audit" in line and secret in line]


IN_MEMORY: Final = """
import anyio
from tests.scenes import inprocess, servers
async def client():
    async with inprocess.connected(servers.build("framework"), "legacy") as session:
        for text in ("\\ud800", "a\\x00b", "\\x1b[2J"):
            await session.call_tool("echo", {"text": text})
        for value in (float("nan"), float("inf"), 2**63, -(2**4000)):
            await session.call_tool("rows", {"n": 1, "more": value})
        deep = 1
        for _ in range(100):
            deep = {"deep": [deep]}
        await session.call_tool("rows", {"n": 1, "more": deep, "\\udfff": 1})
anyio.run(client)
"""
"""Without a wire between them a client can hand over what JSON cannot say."""


def test_what_no_json_can_say_is_on_record_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    ran = python(IN_MEMORY, environment(folder))
    assert ran.returncode == 0, ran.stderr
    records = trail.events(trail.lines(folder), "tool_call")
    assert [record["tool"] for record in records] == ["echo"] * 3 + ["rows"] * 5
    assert {record["response"]["outcome"] for record in records} == {"success"}
    for line in journal_lines(folder):
        assert rfc8785.dumps(json.loads(line)) == line.rstrip(b"\n")
    trail.assert_sound(folder)


HEADERS: Final = {
    "control characters": ("x-\x01-y", None),
    "129 characters": ("r" * 129, None),
    "not ASCII": ("caf\xe9", None),
    "blank inside": ("two words", None),
    "128 characters": ("r" * 128, "r" * 128),
    "quotes and markup": ('"[red]<b>', '"[red]<b>'),
}


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Calls over HTTP with odd ``X-Request-ID`` headers, and secrets in others: the records by header."""
    folder = tmp_path_factory.mktemp("headers") / "journal"
    found: dict[str, list[dict[str, Any]]] = {}
    with scenes_server(environment(folder), "http") as server:
        session = _session(server.port())
        for name, (value, _) in HEADERS.items():
            before = len(trail.events(trail.lines(folder), "tool_call"))
            _post(server.port(), session, value)
            found[name] = [dict(event) for event in trail.events(trail.lines(folder), "tool_call")[before:]]
        server.terminate()
        files = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert CANARY.encode() not in files
        assert ALICE.token.encode() not in files
        assert CANARY not in server.stderr.text
    return found


def _session(port: int) -> str:
    """The id of a session, from a handshake."""
    opening = messages.initialize("open")
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/mcp", json.dumps(opening), {**headers, "Authorization": f"Bearer {ALICE.token}"})
    with connection.getresponse() as response:
        response.read()
    connection.close()
    return response.getheader("mcp-session-id") or ""


def _post(port: int, session: str, request_id: str) -> None:
    """By hand: a client's library refuses such headers."""
    call = {"name": "echo", "arguments": {"text": "a"}}
    body = json.dumps({"jsonrpc": "2.0", "id": "x", "method": "tools/call", "params": call})
    lines = (
        "POST /mcp HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        f"Authorization: Bearer {ALICE.token}",
        f"Mcp-Session-Id: {session}",
        f"Cookie: session={CANARY}",
        f"X-Api-Key: {CANARY}",
        f"X-Request-ID: {request_id}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1"))
        while connection.recv(65536):
            pass


@pytest.mark.parametrize("header", HEADERS)
def test_only_a_plain_request_id_is_the_clients_own(header: str, stamped: dict[str, list[dict[str, Any]]]) -> None:
    wanted = HEADERS[header][1]
    events = stamped[header]
    if header == "control characters" and not events:
        return  # the web server has refused the request itself
    ((request_id, source),) = [(event["request"]["id"], event["request"]["id_source"]) for event in events]
    assert source == ("client" if wanted else "generated")
    assert request_id == wanted or (wanted is None and len(request_id) == 36)
