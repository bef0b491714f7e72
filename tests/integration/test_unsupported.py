"""A release that is not supported says so, once and loudly, serves as ever, and is not audited by halves.

The first two tests need a real one, which the matrix installs: mcp 1.20, and fastmcp 2.13.
"""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import pytest

from tests.integration.distributions import before_all, distribution
from tests.scenes.processes import PATIENCE, command, environment
from tests.scenes.reconcile import journal_lines, tool_calls

ECHOING: Final = Path(__file__).with_name("echoing.py")


def installed(package: str) -> tuple[int, int]:
    """Major and minor version; zeros where it is not there."""
    try:
        major, minor = version(package).split(".")[:2]
    except PackageNotFoundError:
        return 0, 0
    return int(major), int(minor)


OLD_KERNEL: Final = (0, 0) < installed("mcp") < (1, 21)
OLD_FASTMCP: Final = (0, 0) < installed("fastmcp") < (2, 14)
FASTMCP: Final = installed("fastmcp") >= (2, 14)


def echo(environ: dict[str, str], *kinds: str) -> tuple[list[str], list[str]]:
    """Call a server of each kind; what they answered, and what was said of not being audited."""
    ran = subprocess.run(
        command(ECHOING, *kinds), env=environ, capture_output=True, encoding="utf-8", timeout=PATIENCE, check=True
    )
    return ran.stdout.splitlines(), [line for line in ran.stderr.splitlines() if "NOT audited" in line]


@pytest.mark.skipif(not OLD_KERNEL, reason="a leg of its own installs mcp 1.20")
def test_an_old_kernel_is_named_and_left_alone(tmp_path: Path) -> None:
    answers, said = echo(environment(tmp_path / "journal"), "sdk")
    assert answers == ["hello sdk"]
    (line,) = said
    assert f"mcp {version('mcp')} is not supported (mcp >= 1.21, < 3): calls are NOT audited" in line
    assert not (tmp_path / "journal").exists()


@pytest.mark.skipif(not OLD_FASTMCP, reason="a leg of its own installs fastmcp 2.13")
def test_an_old_fastmcp_is_named_and_left_alone_beside_servers_that_are_audited(tmp_path: Path) -> None:
    left_alone(environment(tmp_path), f"fastmcp {version('fastmcp')}")


@pytest.mark.skipif(not FASTMCP, reason="only beside the package fastmcp")
@pytest.mark.parametrize("release", ["5.0.0", "5.0rc1", "2.13.3"])
def test_a_fastmcp_out_of_range_is_left_alone_beside_servers_that_are_audited(release: str, tmp_path: Path) -> None:
    distribution(tmp_path / "site", "fastmcp", release)
    left_alone(before_all(tmp_path / "site", environment(tmp_path)), f"fastmcp {release}")


def left_alone(environ: dict[str, str], release: str) -> None:
    """Of two calls that are answered, the one to the SDK's own server has the one record; alone it has no trail."""
    answers, said = echo(environ, "fastmcp", "sdk")
    assert answers == ["hello fastmcp", "hello sdk"]
    (line,) = said
    assert f"{release} is not supported (fastmcp >= 2.14, < 5): calls of its servers are NOT audited" in line
    records = tool_calls(journal_lines(Path(environ["OTEL_MCP_AUDIT_DIR"])))
    assert [record.event["server"]["name"] for record in records] == ["sdk"]
    alone = environ | {"OTEL_MCP_AUDIT_DIR": f"{environ['OTEL_MCP_AUDIT_DIR']}/alone"}
    assert echo(alone, "fastmcp") == (["hello fastmcp"], said)
    assert not Path(alone["OTEL_MCP_AUDIT_DIR"]).exists()  # a trail without its calls would say that it had none


@pytest.mark.skipif(not FASTMCP, reason="only beside the package fastmcp")
def test_a_supported_fastmcp_is_audited_beside_the_sdks_own_servers(tmp_path: Path) -> None:
    answers, said = echo(environment(tmp_path), "fastmcp", "sdk")
    assert (answers, said) == (["hello fastmcp", "hello sdk"], [])
    names = [record.event["server"]["name"] for record in tool_calls(journal_lines(tmp_path))]
    assert names == ["fastmcp", "sdk"]
