"""Puts the demonstration's server and client on stage: processes of their own, always ended."""

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from otel_mcp_audit.demo import parts
from otel_mcp_audit.demo.parts import DemoError
from otel_mcp_audit.demo.process import Process, ending_on_signals

_HERE: Final = Path(__file__).parent
SERVER: Final = _HERE / "server.py"
CLIENT: Final = _HERE / "client.py"

NOWHERE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none"),
    "OTEL_MCP_AUDIT_SINKS": "none",
}
"""What keeps a server from sending anything."""

_CLIENT_S: Final = 30.0
_RUNNING: Final = re.compile(r"running on http://127\.0\.0\.1:(\d+)")


class Call(msgspec.Struct, frozen=True):
    """One call as the client's own log has it: ``id`` is its ``X-Request-ID``, ``saw`` what came back."""

    id: str
    user: str
    tenant: str
    tool: str
    saw: str


def perform(
    folder: Path, environ: Mapping[str, str], say: Callable[[str], None], exporting: Mapping[str, str] = NOWHERE
) -> list[Call]:
    """Start the server, have the client's people work with it, stop it with SIGTERM.

    Args:
        folder: where ``journal``, ``server.log`` and ``client.log`` go.
        environ: the environment to start from; its OTel settings are left out, so that nothing is sent elsewhere.
        say: told what is going on.
        exporting: where the server sends to, as variables.

    Returns:
        The calls that the client made, in its own words.

    Raises:
        DemoError: a part is missing, or a process did not do what it should; the text names its log.
    """
    parts.require()
    environ = _environment(environ, folder / "journal", exporting)
    command = [str(parts.loader()), sys.executable, str(SERVER)]
    with ending_on_signals(), Process("server", command, folder / "server.log", environ) as server:
        say(f"started a server that knows nothing of auditing: {parts.LOADER} python {SERVER}")
        port = int(server.says(_RUNNING)[1])
        say(f"it listens on 127.0.0.1:{port}; alice and carol of acme and bob of globex go to work")
        calls = _client(port, folder / "client.log")
        say(f"{len(calls)} calls made; stopping the server with SIGTERM")
        server.stop()
    return calls


def _environment(environ: Mapping[str, str], journal: Path, exporting: Mapping[str, str]) -> dict[str, str]:
    return {
        **{name: value for name, value in environ.items() if not name.startswith("OTEL_")},
        **exporting,
        "OTEL_SERVICE_NAME": "records",
        "OTEL_MCP_AUDIT_DIR": str(journal),
    }


def _client(port: int, log: Path) -> list[Call]:
    try:
        with log.open("wb") as errors:
            done = subprocess.run(  # noqa: S603 -- a script of this package, by this interpreter
                [sys.executable, str(CLIENT), str(port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                timeout=_CLIENT_S,
                check=True,
            )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise DemoError(f"the demo's client failed: see {log}") from error
    return [msgspec.json.decode(line, type=Call) for line in done.stdout.splitlines()]
