"""What refuses goes on refusing, whatever becomes of the record; and the record is there first."""

import json
import shutil
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.auth.middleware.bearer_auth import RequireAuthMiddleware

from otel_mcp_audit import MCPAuditInstrumentor, Settings
from otel_mcp_audit.opencall import OpenCall
from otel_mcp_audit.refusals import Refused
from otel_mcp_audit.runtime import RUNTIME
from tests.refused.application import TRANSPORTS
from tests.refused.attempts import CELLS, request_id
from tests.refused.knocking import Door, Knock, call
from tests.refused.playing import SINGLY, events, serving
from tests.scenes.reconcile import journal_lines

STRANGER = Knock(headers={"Authorization": None}, body=call())

Message = dict[str, Any]


def answers(folder: Path, **changes: str) -> dict[str, str]:
    """What each attempt is answered, to the byte, but for what differs from run to run."""
    found: dict[str, str] = {}
    with serving(folder, PYTHONHASHSEED="0", **SINGLY, **changes) as server:  # some headers list a set
        for transport in TRANSPORTS:
            door = Door(server.port(), transport)
            door.open()
            for name, attempt in CELLS:
                if name == transport:
                    request = request_id(name, attempt)
                    found[f"{transport} {attempt.name}"] = door.answer(attempt.knock, request)
            door.close()
        found["exit"] = str(server.terminate())
    return found


def test_every_answer_is_the_same_to_the_byte_without_auditing(tmp_path: Path) -> None:
    audited = answers(tmp_path / "on")
    assert audited == answers(tmp_path / "off", OTEL_MCP_AUDIT_DISABLED="true")
    assert len(audited) > len(CELLS) - 1


@pytest.fixture
def in_process(tmp_path: Path) -> Any:
    """The SDK's own gate in this process, audited; answers what it sends for a request without a token."""
    instrumentor = MCPAuditInstrumentor()

    async def never(*_: object) -> None:
        raise AssertionError("nobody gets in here")

    def audited(settings: Settings, observe: Callable[[Message], None]) -> None:
        instrumentor.instrument(settings=settings)

        async def knock() -> None:
            async def send(message: Message) -> None:
                observe(message)

            scope: Message = {
                "type": "http",
                "method": "POST",
                "path": "/",
                "headers": [],
                "query_string": b"",
                "client": None,
            }
            await RequireAuthMiddleware(never, [])(scope, never, send)  # pyright: ignore[reportArgumentType] -- a bare one

        anyio.run(knock)

    yield audited
    RUNTIME.stop("test")
    RUNTIME.forked()
    instrumentor.uninstrument()


@pytest.mark.parametrize("durability", ["process", "power"])
def test_the_record_is_kept_before_the_first_byte_leaves(
    tmp_path: Path, in_process: Any, monkeypatch: pytest.MonkeyPatch, durability: str
) -> None:
    kept: list[int] = []
    opened: list[Any] = []
    refused = RUNTIME.refused

    def spying(describe: Callable[[], Refused]) -> OpenCall | None:
        opened.append(refused(describe))
        return opened[-1]

    monkeypatch.setattr(RUNTIME, "refused", spying)

    def observe(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == HTTPStatus.UNAUTHORIZED
            kept.append(len(events(tmp_path)))
            assert opened[0].due is None  # what was due on the disk is there

    in_process(Settings(dir=str(tmp_path), sinks="none", durability=durability), observe)
    assert kept == [1]


def test_a_refusal_that_nobody_reads_any_more_has_one_record(tmp_path: Path, in_process: Any) -> None:
    class Gone(Exception):  # noqa: N818 -- as Starlette's carries a status
        status_code = 404

    def observe(_: Message) -> None:
        raise Gone

    with pytest.raises(Gone):
        in_process(Settings(dir=str(tmp_path), sinks="none"), observe)
    assert [event["refusal"]["status"] for event in events(tmp_path)] == [401]


def test_an_application_asked_without_arguments_whether_it_is_a_factory_says_no(
    in_process: Any, tmp_path: Path
) -> None:
    in_process(Settings(dir=str(tmp_path), sinks="none"), print)
    untyped: Any = RequireAuthMiddleware(in_process, [])
    with pytest.raises(TypeError):
        untyped()


@pytest.mark.parametrize("on_failure", ["open", "closed"])
def test_a_refusal_that_cannot_be_recorded_keeps_its_status_and_is_missed(tmp_path: Path, on_failure: str) -> None:
    full = {"OTEL_MCP_AUDIT_MAX_BYTES": "65536", "OTEL_MCP_AUDIT_SINKS": "otlp+http://127.0.0.1:9", **SINGLY}
    with serving(tmp_path, OTEL_MCP_AUDIT_ON_FAILURE=on_failure, **full) as server:
        door = Door(server.port(), "json")
        statuses = {door.knock(STRANGER, f"r-{each}") for each in range(100)}
        server.terminate()
    lines = [json.loads(line)["event"] for line in journal_lines(tmp_path)]
    missing = sum(event["trail"]["count"] for event in lines if event["event_type"] == "audit_gap")
    assert statuses == {401}
    assert missing > 0
    assert len(events(tmp_path)) + missing == 100


def test_a_folder_that_is_taken_away_costs_no_refusal(tmp_path: Path) -> None:
    with serving(tmp_path, **SINGLY) as server:
        door = Door(server.port(), "stateless")
        before = door.knock(STRANGER, "before")
        for stream in tmp_path.iterdir():
            shutil.rmtree(stream)
        after = [door.knock(STRANGER, f"after-{each}") for each in range(3)]
        server.terminate()
    assert [before, *after] == [401] * 4
