"""The application's own way to say who calls: whatever it does, the call is on record, as whom is never in doubt."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from otel_mcp_audit import faults, resolver
from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.line import Request, ServerInfo
from otel_mcp_audit.opencall import Arrival
from otel_mcp_audit.policy import Policy
from otel_mcp_audit.record import Actor, Call
from otel_mcp_audit.recorder import Recorder
from otel_mcp_audit.redaction import TEXT_LIMIT
from otel_mcp_audit.resolver import Resolver, load
from otel_mcp_audit.settings import Settings


@pytest.fixture(autouse=True)
def counted_anew() -> Iterator[None]:
    faults.counts.clear()
    yield
    faults.counts.clear()


def arrival(**more: Any) -> Arrival:
    call = Call(method="tools/call", tool="t", arguments={"q": 1}, transport="stdio", headers={"x-user": "ana"})
    request = Request(method="tools/call", transport="stdio")
    return Arrival(call=call, request=request, server=ServerInfo(name="clinic"), **more)


def event(function: Callable[[Call], Any], **more: Any):
    recorder = Recorder(Settings(), Policy(), instance="i", resolver=Resolver(function))
    return recorder.open(arrival(**more)).event


def test_an_actor_is_who_calls_with_all_that_it_says() -> None:
    actor = Actor(
        "u", tenant_id="t", type="service", email="e@x", name="n", roles="nurse", client_id="c", delegation="a"
    )
    found = event(lambda _: actor)
    user = found.user
    assert (user.id, user.tenant_id, user.type, user.email, user.name) == ("u", "t", "service", "e@x", "n")
    assert (list(user.roles), user.client_id, user.source, list(found.delegation)) == (
        ["nurse"],
        "c",
        "resolver",
        ["a"],
    )
    assert not faults.counts


def test_none_is_the_default_identity() -> None:
    assert event(lambda _: None).user.source == "os"
    assert dict(faults.counts) == {"identity: unassigned": 1}


def test_it_sees_the_call_as_its_record_will_have_it() -> None:
    seen: list[Call] = []
    found = event(seen.append)
    (call,) = seen
    assert (call.method, call.tool, call.transport, call.server) == ("tools/call", "t", "stdio", "clinic")
    assert call.request_id == found.request.id == found.id
    assert call.headers["x-user"] == "ana"
    with pytest.raises(TypeError):
        call.arguments["q"] = 2  # pyright: ignore[reportIndexIssue] -- what cannot be done


def raising(_: Call) -> Actor:
    raise RuntimeError("SECRET")


def leaving(_: Call) -> Actor:
    raise OSError("no such directory server")


async def late(_: Call) -> Actor:
    return Actor("late")


def promising(call: Call) -> Any:
    return late(call)


ODD: dict[str, Callable[[Call], Any]] = {
    "raises": raising,
    "has no directory": leaving,
    "answers text": lambda _: "ana",
    "answers a mapping": lambda _: {"id": "ana"},
    "answers a class": lambda _: Actor,
    "answers what should be awaited": promising,
    "answers an actor without fields": lambda _: Actor.__new__(Actor),
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_no_answer_is_counted_and_the_default_identity_stands(
    case: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "QUIET_S", 0.0)
    assert event(ODD[case]).user.source == "os"
    assert faults.counts[resolver.FAILED] == 1
    assert resolver.FAILED in caplog.text
    assert "SECRET" not in caplog.text


def test_fields_of_any_type_and_size_are_made_safe() -> None:
    odd: Any = Actor
    huge = odd(
        10**5000, tenant_id="\x1b" * 10**6, type=["x"], email=7, name=b"n", roles=["r" * 10**6] * 1000, client_id={}
    )
    found = event(lambda _: huge)
    user = found.user
    assert (user.id, user.type, user.name, user.client_id) == ("anonymous", "unknown", None, None)
    assert user.email == "7"
    assert len(user.tenant_id) <= TEXT_LIMIT
    assert "\x1b" not in user.tenant_id
    assert (len(user.roles), user.roles[-1]) == (33, "…")
    assert max(map(len, user.roles)) <= TEXT_LIMIT


def test_an_async_one_is_not_asked_where_nothing_can_be_awaited() -> None:
    class Directory:
        async def __call__(self, call: Call) -> Actor:
            return await late(call)

    for function in (late, Directory()):
        assert event(function).user.source == "os"
    assert faults.counts[resolver.NOT_ASKED] == 2


def test_it_is_not_asked_about_who_is_known() -> None:
    asked: list[Call] = []
    event(asked.append, asked=True)
    assert asked == []


def test_what_it_calls_itself_is_not_asked_about() -> None:
    inner: list[str] = []

    def asking_itself(_: Call) -> Actor:
        inner.append(recorder.open(arrival()).event.user.source)
        return Actor("ana")

    recorder = Recorder(Settings(), Policy(), instance="i", resolver=Resolver(asking_itself))
    assert recorder.open(arrival()).event.user.id == "ana"
    assert inner == ["os"]
    assert recorder.open(arrival()).event.user.id == "ana"


def test_a_plain_one_that_holds_everything_up_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "LIMIT_S", 0.0)
    assert event(lambda _: Actor("ana")).user.id == "ana"
    assert faults.counts[resolver.SLOW] == 1


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "who_calls.py").write_text(
        "class Staff:\n    @staticmethod\n    def of(call): ...\nnumber = 7\n", encoding="utf-8"
    )
    (tmp_path / "who_breaks.py").write_text("raise RuntimeError('SECRET')\n", encoding="utf-8")
    (tmp_path / "who_leaves.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "who_calls", raising=False)
    return "who_calls"


def test_it_is_found_by_its_name(module: str) -> None:
    found = load(f"{module}:Staff.of")
    assert found is not None
    assert not found.waits
    assert load(None) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no_such_module:f", "No module named 'no_such_module'"),
        ("who_calls.deeper:f", "ModuleNotFoundError: "),
        ("who_calls:nobody", "has no attribute 'nobody'"),
        ("who_calls:number", "that is no function"),
        ("who_breaks:f", "RuntimeError: when it was imported"),
        ("who_leaves:f", "SystemExit: when it was imported"),
    ],
)
@pytest.mark.usefixtures("module")
def test_one_that_cannot_be_had_is_an_error_with_its_name_and_the_mend(name: str, why: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(name)
    assert f"OTEL_MCP_AUDIT_IDENTITY={name!r}" in str(caught.value)
    assert why in str(caught.value)
    assert "write module:function of a module that this server can import" in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_the_running_script_is_not_run_a_second_time(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = ModuleType("__main__")
    script.__file__ = str(Path(sys.path[0]) / f"{module}.py")
    script.__dict__["who"] = lambda _: Actor("ana")  # pyright: ignore[reportUnknownLambdaType] -- as a script has it
    monkeypatch.setitem(sys.modules, "__main__", script)
    assert load(f"{module}:who") is not None
    assert module not in sys.modules
