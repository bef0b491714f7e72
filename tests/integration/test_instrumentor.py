"""``MCPAuditInstrumentor``: at any time, any number of times, both ways, and among other instrumentors."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.integration import trail
from tests.integration.distributions import before_all, distribution
from tests.integration.process import python
from tests.scenes import kernel
from tests.scenes.processes import environment

INSTRUMENT: Final = "from otel_mcp_audit import MCPAuditInstrumentor\ninstrumentor = MCPAuditInstrumentor()\n"
PLAY: Final = "from tests.integration import seamstress\nseamstress.play()\n"
KERNEL: Final = "import mcp.server.lowlevel, mcp.server.stdio, tests.scenes.servers, tests.scenes.inprocess\n"

ORDERS: Final = {
    "before the kernel is imported": f"{INSTRUMENT}instrumentor.instrument()\n{KERNEL}{PLAY}",
    "after the kernel is imported": f"{KERNEL}{INSTRUMENT}instrumentor.instrument()\n{PLAY}",
    "twice": f"{INSTRUMENT}instrumentor.instrument()\n{KERNEL}instrumentor.instrument()\n{PLAY}",
    "by two instrumentors": f"{INSTRUMENT}instrumentor.instrument()\nMCPAuditInstrumentor().instrument()\n{PLAY}",
    "taken back and again": (
        f"{KERNEL}{INSTRUMENT}instrumentor.instrument()\ninstrumentor.uninstrument()\ninstrumentor.instrument()\n{PLAY}"
    ),
}


def recorded(folder: Path) -> list[str]:
    """The outcomes of the calls on record."""
    return [event["response"]["outcome"] for event in trail.events(trail.lines(folder), "tool_call")]


@pytest.mark.parametrize("order", ORDERS)
def test_a_call_has_one_record_whenever_and_however_often_one_instruments(order: str, tmp_path: Path) -> None:
    ran = python(ORDERS[order], environment(tmp_path / "journal"), instrumented=False)
    assert ran.returncode == 0, ran.stderr
    assert recorded(tmp_path / "journal") == ["success"]


def test_uninstrument_restores_every_attribute_of_the_kernel(tmp_path: Path) -> None:
    code = f"""{KERNEL}
import json
from tests.integration import seamstress
{INSTRUMENT}
seamstress.play()
before = seamstress.attributes()
instrumentor.instrument()
seamstress.play()
during = seamstress.changed(before, seamstress.attributes())
instrumentor.uninstrument()
after = seamstress.changed(before, seamstress.attributes())
seamstress.play()
print(json.dumps([during, after, seamstress.wrapped()]))
"""
    ran = python(code, environment(tmp_path / "journal"), instrumented=False)
    assert ran.returncode == 0, ran.stderr
    during, after, wrapped = json.loads(ran.stdout)
    assert len(during) >= 6
    assert (after, wrapped) == ([], [])
    assert recorded(tmp_path / "journal") == ["success"]


def test_uninstrument_before_the_kernel_is_imported_leaves_it_alone(tmp_path: Path) -> None:
    code = f"{INSTRUMENT}instrumentor.instrument()\ninstrumentor.uninstrument()\n{KERNEL}{PLAY}"
    ran = python(f"{code}print(seamstress.wrapped())", environment(tmp_path / "journal"), instrumented=False)
    assert (ran.stdout.strip(), ran.returncode) == ("[]", 0), ran.stderr
    assert not (tmp_path / "journal").exists()


def test_a_server_that_lives_through_uninstrument_goes_on_unrecorded(tmp_path: Path) -> None:
    code = f"""{INSTRUMENT}
instrumentor.instrument()
import anyio
from tests.scenes import inprocess, servers
async def client():
    async with inprocess.connected(servers.build('framework'), 'legacy') as session:
        await session.call_tool('echo', {{'text': 'hello'}})
        instrumentor.uninstrument()
        print((await session.call_tool('echo', {{'text': 'still here'}})).content[0].text)
anyio.run(client)
"""
    ran = python(code, environment(tmp_path / "journal"), instrumented=False)
    assert (ran.stdout.strip(), ran.returncode) == ("still here", 0), ran.stderr
    assert recorded(tmp_path / "journal") == ["success"]


def test_settings_in_code_win_over_the_environment(tmp_path: Path) -> None:
    code = f"""{INSTRUMENT}
from otel_mcp_audit import Settings
instrumentor.instrument(settings=Settings(dir={str(tmp_path / "in code")!r}, sinks="none"))
{PLAY}"""
    ran = python(code, environment(tmp_path / "in the environment"), instrumented=False)
    assert ran.returncode == 0, ran.stderr
    assert recorded(tmp_path / "in code") == ["success"]
    assert not (tmp_path / "in the environment").exists()


def test_settings_from_a_file_are_said_over_the_environment_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    settings = {"dir": str(tmp_path / "file"), "email": True, "tenant_claim": ["a", "b.c"], "email_": None, "sink": "x"}
    code = f"""{INSTRUMENT}
instrumentor.instrument(settings={settings!r})
{PLAY}
from otel_mcp_audit.runtime import RUNTIME
settings = RUNTIME.auditor().settings
print(settings.email, settings.tenant_claim, settings.sinks)
"""
    ran = python(code, environment(tmp_path / "environment", OTEL_MCP_AUDIT_SINKS="none"), instrumented=False)
    assert ran.stdout.strip() == "True ('a', 'b.c') none", ran.stderr
    assert recorded(tmp_path / "file") == ["success"]
    (start,) = trail.events(trail.lines(tmp_path / "file"), "audit_start")
    (problem,) = start["trail"]["problems"]
    assert problem.startswith("OTEL_MCP_AUDIT_SINK='x': there is no such setting; did you mean OTEL_MCP_AUDIT_SINKS?")


def test_under_the_loader_what_the_application_gives_is_taken_over(tmp_path: Path) -> None:
    given = f"from otel_mcp_audit import Settings\ngiven = Settings(dir={str(tmp_path / 'given')!r}, sinks='none')\n"
    code = f"{INSTRUMENT}{given}instrumentor.instrument(settings=given)\n{PLAY}"
    ran = python(code, environment(tmp_path / "journal"))
    assert ran.returncode == 0, ran.stderr
    assert recorded(tmp_path / "given") == ["success"]
    assert "already instrumented" not in ran.stderr


@pytest.mark.parametrize("application", ["says nothing", "instruments too"])
def test_under_the_loader_hook_and_instrumentor_are_one(application: str, tmp_path: Path) -> None:
    own = f"{INSTRUMENT}instrumentor.instrument()\n" if application == "instruments too" else ""
    ran = python(own + PLAY, environment(tmp_path / "journal"))
    assert ran.returncode == 0, ran.stderr
    assert recorded(tmp_path / "journal") == ["success"]


def test_another_instrumentor_that_raises_does_not_stop_ours(tmp_path: Path) -> None:
    distribution(tmp_path, "evil", "1.0", "[opentelemetry_instrumentor]\naaa_evil = evil:Evil\n")
    (tmp_path / "evil.py").write_text("raise RuntimeError('evil')\n", encoding="utf-8")
    ran = python(PLAY, before_all(tmp_path, environment(tmp_path / "journal")))
    assert "evil" in ran.stderr
    assert recorded(tmp_path / "journal") == ["success"]


@pytest.mark.parametrize("named", ["mcp_audit", "*", "flask, mcp_audit"])
def test_a_disabled_instrumentation_is_said_once_and_records_nothing(named: str, tmp_path: Path) -> None:
    ran = python(PLAY, environment(tmp_path / "journal", OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=named))
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("NOT audited") == 1
    assert not (tmp_path / "journal").exists()


@pytest.mark.parametrize("version", ["1.9.4", "1.20.0", "3.0.0", "3.0rc1"])
def test_an_unsupported_kernel_is_named_and_left_alone(version: str, tmp_path: Path) -> None:
    distribution(tmp_path, "mcp", version)
    ran = python(PLAY, before_all(tmp_path, environment(tmp_path / "journal")))
    (said,) = (line for line in ran.stderr.splitlines() if "NOT audited" in line)
    assert f"mcp {version} is not supported" in said
    assert "1.21" in said
    assert "Traceback" not in ran.stderr.partition("NOT audited")[0]
    assert not (tmp_path / "journal").exists()


def test_a_release_candidate_of_a_supported_kernel_is_audited(tmp_path: Path) -> None:
    real = "2.99rc1" if kernel.MODERN else "1.99rc1"
    distribution(tmp_path, "mcp", real)
    python(PLAY, before_all(tmp_path, environment(tmp_path / "journal")))
    assert recorded(tmp_path / "journal") == ["success"]
