"""The cases from the field, played as their files say: over one stateful HTTP session, with any token and any id."""

import http.client
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.scenes.accounts import ALICE, NAMELESS, Account, account
from tests.scenes.http_wire import PATH
from tests.scenes.kernel import Style
from tests.scenes.processes import PATIENCE, ServerProcess
from tests.scenes.reconcile import Kept, journal_lines, tool_calls
from tests.scenes.runs import Auditing, await_condition, switched

FILES: Final = Path(__file__).with_name("cases")
LEAD_S: Final = 2.0
UNANSWERED_S: Final = 6.0
"""Seconds after which an answer that the transport has mixed up will not come any more."""

TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
HTTP_TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
CALLER: Final = "00f067aa0ba902b7"
"""Traces that a caller is in, and its span."""

Message = dict[str, Any]


def given(case: str, file: str) -> Any:
    """What a case's file holds."""
    return json.loads((FILES / case / file).read_text(encoding="utf-8"))


@dataclass
class CaseRun:
    """The answers by JSON-RPC id, in the order in which they came, and the records of the calls."""

    answers: list[tuple[Any, int, str]] = field(default_factory=list[tuple[Any, int, str]])
    records: list[Kept] = field(default_factory=list[Kept])
    lines: list[bytes] = field(default_factory=list[bytes])

    def status(self, rpc_id: int) -> int:
        """The HTTP status of the answer to one call."""
        return next(status for answered, status, _ in self.answers if answered == rpc_id)

    def of(self, rpc_id: int) -> list[Kept]:
        """The records of one id."""
        return [record for record in self.records if record.event["request"]["rpc_id"] == str(rpc_id)]


class Session:
    """One session whose messages may each come with another token."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._id: str | None = None

    def post(self, message: Message, who: Account | None, timeout: float = PATIENCE, **more: str) -> tuple[int, str]:
        """POST one message, perhaps with more headers, and read the answer to its end."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        headers |= {"Authorization": f"Bearer {who.token}"} if who else {}
        headers |= {"Mcp-Session-Id": self._id} if self._id else {}
        headers |= more
        try:
            connection.request("POST", PATH, json.dumps(message).encode(), headers)
            response = connection.getresponse()
            self._id = self._id or response.getheader("mcp-session-id")
            return response.status, response.read().decode()
        except TimeoutError:
            return 0, "no answer"
        finally:
            connection.close()


def one_after_the_other(style: Style, case: str, telemetry: str, folder: Path) -> CaseRun:
    """Case 001: each message when the one before has its answer; ``telemetry`` is fastmcp 4's mode."""
    run = CaseRun()
    environ = switched(folder, "on", FASTMCP_TELEMETRY_MODE=telemetry)
    with ServerProcess(style, "http", environ) as server:
        session = Session(server.port())
        for step in given(case, "sequence.json")["steps"]:
            message = step["send"]
            status, body = session.post(message, account(step["token"] or ""))
            run.answers.append((message.get("id"), status, body))
        _nameless_and_traced(Session(server.port()), case)
        server.terminate()
    return _kept(run, folder)


def _nameless_and_traced(session: Session, case: str) -> None:
    """In a session of its own: a token that names nobody, and calls that name their trace in either place."""
    opening, initialized, call, *_ = (step["send"] for step in given(case, "sequence.json")["steps"])
    traced = {**call["params"], "_meta": {"traceparent": f"00-{TRACE}-{CALLER}-01"}}
    for message in (opening, initialized, {**call, "id": 5}, {**call, "id": 6, "params": traced}):
        session.post(message, NAMELESS)
    session.post({**call, "id": 7}, NAMELESS, traceparent=f"00-{HTTP_TRACE}-{CALLER}-01")


def at_once(style: Style, case: str, auditing: Auditing, folder: Path) -> CaseRun:
    """Case 002: all calls in flight together; what the transport mixes up is never answered.

    Each waits so much longer than in the file that the last has begun before the first ends, also on a busy machine.
    """
    run = CaseRun()
    opening, initialized, *calls = (step["send"] for step in given(case, "sequence.json")["steps"])
    for each in calls:
        each["params"]["arguments"]["seconds"] += LEAD_S
    with ServerProcess(style, "http", switched(folder, auditing)) as server:
        session = Session(server.port())
        for message in (opening, initialized):
            session.post(message, ALICE)

        def call(message: Message) -> None:
            status, body = session.post(message, ALICE, UNANSWERED_S)
            run.answers.append((message["params"]["arguments"]["tag"], status, body))

        threads = [threading.Thread(target=call, args=(message,)) for message in calls]
        for thread, message in zip(threads, calls, strict=True):
            thread.start()
            server.await_start(message["params"]["arguments"]["tag"])
        for thread in threads:
            thread.join(PATIENCE)
        if auditing == "on":
            await_condition(lambda: len(tool_calls(journal_lines(folder))) >= len(calls))
        server.terminate()
    return _kept(run, folder)


def calls_of(style: Style, folder: Path) -> CaseRun:
    """Case 004: the tool in each of its moods."""
    run = CaseRun()
    opening, initialized = (step["send"] for step in given("case-001", "sequence.json")["steps"][:2])
    with ServerProcess(style, "http", switched(folder, "on")) as server:
        session = Session(server.port())
        for message in (opening, initialized):
            session.post(message, ALICE)
        for call in given("case-004", "calls.json")["calls"]:
            params = {"name": "recognise", "arguments": {"n": call["n"]}}
            message = {"jsonrpc": "2.0", "id": call["n"], "method": "tools/call", "params": params}
            run.answers.append((call["n"], *session.post(message, ALICE)))
        server.terminate()
    return _kept(run, folder)


def _kept(run: CaseRun, folder: Path) -> CaseRun:
    run.lines = journal_lines(folder)
    run.records = tool_calls(run.lines)
    return run
