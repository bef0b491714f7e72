"""``otel-mcp-audit run``: the command as it is, audited; or exit status 78 before it serves."""

import json
import signal
import subprocess
import sys
import venv
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest

from otel_mcp_audit.loader import command
from tests.integration import trail
from tests.integration.process import Process, Session
from tests.loader.programs import PLAY, calls, execute, program, run
from tests.scenes.processes import SERVE, environment
from tests.scenes.reconcile import journal_lines, reconcile

RUN: Final = [program("otel-mcp-audit"), "run"]
MISSPELT: Final = {"OTEL_LOGS_EXPORTER": "otpl"}
SPAWN: Final = f"""import multiprocessing, os
def serve():
    exec({PLAY!r})
if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=serve)
    child.start()
    child.join()
    raise SystemExit(child.exitcode)
"""


@pytest.fixture(scope="session")
def other_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python whose environment has nothing installed."""
    folder = tmp_path_factory.mktemp("other") / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    return str(folder / "bin" / "python")


def test_a_servers_calls_are_its_records_and_stdout_is_the_protocol_alone(tmp_path: Path) -> None:
    line = [*RUN, sys.executable, str(SERVE), "lowlevel", "stdio"]
    with Process(line, environment(tmp_path / "journal")) as server:
        session = Session(server)
        for _ in range(3):
            session.echo()
        assert server.leave() == 0
        assert all(json.loads(line)["jsonrpc"] == "2.0" for line in server.stdout.lines)
        assert server.stderr.text == ""
    result = reconcile(session.log, journal_lines(tmp_path / "journal"))
    assert result.agrees, str(result)
    assert len(trail.streams(tmp_path / "journal")) == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL), ("pass", 0)],
)
def test_the_commands_own_end_passes_through(code: str, status: int, tmp_path: Path) -> None:
    assert run(environment(tmp_path), code).returncode == status


@pytest.mark.parametrize("first", [[], ["--"]])
def test_the_commands_arguments_are_its_own(first: list[str], tmp_path: Path) -> None:
    theirs = ["--help", "--json", "--", "-x", "a b", "--version"]
    shown = "import sys; print(sys.argv[1:])"
    done = execute([*RUN, *first, sys.executable, "-c", shown, *theirs], environment(tmp_path))
    assert done.stdout == f"{theirs}\n"


def test_a_command_is_looked_up_on_path_and_runs_where_it_was_started(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("", encoding="utf-8")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "served").write_text(f"#!{sys.executable}\nimport own\nprint(own.__file__)\n", encoding="utf-8")
    (tools / "served").chmod(0o700)
    done = execute([*RUN, "served"], environment(tmp_path / "journal", PATH=str(tools)), cwd=tmp_path)
    assert done.stdout == f"{tmp_path / 'own.py'}\n", done.stderr


def test_a_process_that_the_server_spawns_is_audited_too(tmp_path: Path) -> None:
    (tmp_path / "spawn.py").write_text(SPAWN, encoding="utf-8")
    done = execute([*RUN, sys.executable, str(tmp_path / "spawn.py")], environment(tmp_path / "journal"))
    assert (done.returncode, calls(tmp_path / "journal")) == (0, 1), done.stderr


def test_the_applications_own_sitecustomize_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.customized = True\n", encoding="utf-8")
    done = run(environment(tmp_path / "journal", PYTHONPATH=str(tmp_path)), f"{PLAY}\nprint(customized)")
    assert (done.stdout, calls(tmp_path / "journal")) == ("served\nTrue\n", 1), done.stderr


def test_the_stock_loader_on_the_python_path_gives_way(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import opentelemetry.instrumentation.auto_instrumentation as a; print(a.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    stock = found.stdout.strip()
    assert run(environment(tmp_path, PYTHONPATH=stock, **MISSPELT)).returncode == 78
    assert run(environment(tmp_path, PYTHONPATH=stock)).stderr == ""
    assert calls(tmp_path) == 1


WRONG: Final = {
    "a wrong setting": ({"OTEL_MCP_AUDIT_EMAIL": "yes"}, "write true or false"),
    "a misspelt setting": ({"OTEL_MCP_AUDIT_DURABILTY": "power"}, "OTEL_MCP_AUDIT_DURABILITY"),
    "a folder that cannot be": ({"OTEL_MCP_AUDIT_DIR": "/proc/journal"}, "name a folder"),
    "a sink that is not there": ({"OTEL_MCP_AUDIT_SINKS": "fax"}, "otlp"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_configuration_error_is_named_with_value_and_mend_before_anything_runs(name: str, tmp_path: Path) -> None:
    environ, mend = WRONG[name]
    done = run({**environment(tmp_path), **environ}, "print('ran')")
    assert (done.returncode, done.stdout) == (78, "")
    (said,) = done.stderr.splitlines()
    ((variable, value),) = environ.items()
    assert variable in said
    assert value in said
    assert mend in said


@pytest.mark.parametrize("where", ["the command itself", "a child"])
def test_a_kernel_that_is_not_supported_is_refused(where: str, tmp_path: Path) -> None:
    info = tmp_path / "mcp-1.9.4.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mcp\nVersion: 1.9.4\n", encoding="utf-8")
    environ = environment(tmp_path / "journal", PYTHONPATH=str(tmp_path))
    if where == "a child":
        script = f"{sys.executable} -c 'print(1); import mcp.server.lowlevel; print(2)'; exit $?"
        done, stdout = execute([*RUN, "sh", "-c", script], environ), "1\n"
    else:  # a supervisor would start failing workers for ever
        done, stdout = run(environ, "print('ran')"), ""
    assert (done.returncode, done.stdout) == (78, stdout)
    assert "mcp 1.9.4 is not supported (mcp >= 1.21, < 3)" in done.stderr.splitlines()[-1]


def test_a_seam_that_cannot_be_installed_is_refused(tmp_path: Path) -> None:
    broken = "from otel_mcp_audit.instrumentation import seams\nseams._wrap = lambda *_: 1 / 0\n"
    done = run(environment(tmp_path), broken + PLAY)
    assert (done.returncode, done.stdout) == (78, "")
    assert "not installed (ZeroDivisionError" in done.stderr.splitlines()[-1]


def test_a_child_that_is_no_server_is_left_alone_by_a_loader_that_fails(tmp_path: Path) -> None:
    script = f"OTEL_LOGS_EXPORTER=otpl {sys.executable} -c 'print(1)'"
    done = execute([*RUN, "sh", "-c", f"{script}; true"], environment(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_a_child_that_is_a_server_is_refused_by_a_loader_that_fails(tmp_path: Path) -> None:
    script = f"OTEL_LOGS_EXPORTER=otpl {sys.executable} -c 'import mcp.server.lowlevel; print(1)'; echo $?"
    done = execute([*RUN, "sh", "-c", script], environment(tmp_path))
    assert done.stdout == "78\n"
    assert "OTEL_LOGS_EXPORTER" in done.stderr


def test_a_child_with_wrong_settings_is_refused_when_it_imports_a_kernel(tmp_path: Path) -> None:
    script = f"OTEL_MCP_AUDIT_EMAIL=yes {sys.executable} -c 'print(1); import mcp.server.lowlevel; print(2)'; echo $?"
    done = execute([*RUN, "sh", "-c", script], environment(tmp_path))
    assert done.stdout == "1\n78\n"
    assert "OTEL_MCP_AUDIT_EMAIL='yes'" in done.stderr


@pytest.mark.parametrize("ours", ["nowhere to be found", "found without what it needs"])
def test_a_python_without_us_is_refused_as_the_command_and_left_alone_below_it(
    ours: str, other_python: str, tmp_path: Path
) -> None:
    environ = environment(tmp_path)
    cwd = tmp_path
    if ours == "found without what it needs":
        (tmp_path / "alone").mkdir()
        cwd = tmp_path / "alone"  # where the package is installed lies beside it what it needs
        (cwd / "otel_mcp_audit").symlink_to(str(files("otel_mcp_audit")))
    refused = execute([*RUN, other_python, "-c", "print(1)"], environ, cwd)
    assert (refused.returncode, refused.stdout) == (78, "")
    assert other_python in refused.stderr
    below = execute([*RUN, "sh", "-c", f"{other_python} -c 'print(1)'; true"], environ, cwd)
    assert (below.returncode, below.stdout, below.stderr) == (0, "1\n", "")


@pytest.mark.parametrize(
    ("line", "status", "mend"),
    [
        (["no-such-command"], 127, "no-such-command"),
        (["opentelemetry-instrument", "python"], 78, "leave it out"),
        ([sys.executable, "-I", "server.py"], 78, "leave that option out"),
        ([sys.executable, "-X", "utf8", "-BE", "server.py"], 78, "-BE"),
        (["isolated"], 78, "-sE"),
        ([], 2, "run python server.py"),
        (["-m", "server"], 2, "run python -m server"),
    ],
)
def test_what_could_not_be_audited_or_run_is_one_line_with_the_mend(
    line: list[str], status: int, mend: str, tmp_path: Path
) -> None:
    (tmp_path / "isolated").write_text(f"#!{sys.executable} -sE\nprint('ran')\n", encoding="utf-8")
    (tmp_path / "isolated").chmod(0o700)
    path = f"{tmp_path}:{Path(sys.executable).parent}"
    done = execute([*RUN, *line], environment(tmp_path / "journal", PATH=path))
    assert (done.returncode, done.stdout) == (status, "")
    (said,) = done.stderr.splitlines()
    assert mend in said


def test_a_package_that_lacks_our_loader_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "FIRST", tmp_path)
    with pytest.raises(command.NotAuditableError, match="install otel-mcp-audit anew"):
        command.prepare([sys.executable], {}, tmp_path, 1)


def test_a_server_that_is_switched_off_starts_and_says_so(tmp_path: Path) -> None:
    done = run(environment(tmp_path, OTEL_MCP_AUDIT_DISABLED="true"))
    assert (done.returncode, done.stdout, calls(tmp_path)) == (0, "served\n", 0)
    assert "OTEL_MCP_AUDIT_DISABLED=true: calls are NOT audited" in done.stderr
