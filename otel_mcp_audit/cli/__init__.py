"""The command line. One command is one file here, whose function has the file's name."""

import importlib.metadata
import importlib.util
import io
import sys
from typing import Final

import cyclopts

from otel_mcp_audit.cli.terminal import output, plain
from otel_mcp_audit.errors import AuditError

COMMANDS: Final = {
    "demo": "See it work: a server, a client, their trail.",
    "run": "Start a server, audited or not at all.",
    "tail": "Show the newest records.",
    "query": "Find records.",
    "verify": "Check a trail, here or in any copy.",
    "ship": "Deliver what was not delivered yet.",
    "doctor": "Say what is wrong, and the mend.",
    "export": "Write records in other forms.",
    "prune": "Remove old records, declared.",
    "erase": "Erase a person, keep the proof.",
}
"""Every command that there is or will be. A command whose file is missing is not offered."""

FAILED: Final = 2
INTERRUPTED: Final = 130
READER_LEFT: Final = 141
"""As a shell says it of a command that SIGPIPE ended; commands that print for long end with their own status."""

_DISTRIBUTION: Final = "otel-mcp-audit"


def app() -> cyclopts.App:
    """The application; a command's module is imported when the command is run."""
    application = cyclopts.App(
        name=_DISTRIBUTION,
        help="A compliance-grade audit trail for Python MCP servers.",
        version=lambda: importlib.metadata.version(_DISTRIBUTION),
        result_action="return_value",
    )
    for name, summary in COMMANDS.items():
        if importlib.util.find_spec(f"{__name__}.{name}") is not None:
            application.command(f"{__name__}.{name}:{name}", name=name, help=summary)
    return application


def main() -> None:
    """Run the command line and exit; never a traceback for what is no fault of ours."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 gets escapes
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    result = READER_LEFT
    try:
        with output():
            result = app()(_parsable(arguments), exit_on_error=False, print_error=False)
    except (AuditError, cyclopts.CycloptsError) as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    return result if isinstance(result, int) else 0


def _parsable(arguments: list[str]) -> list[str]:
    """What follows ``run`` is another program's command line: nothing in it is ours."""
    if arguments[:1] != ["run"] or arguments[1:2] in (["--help"], ["-h"]):
        return arguments
    return ["run", "--", *arguments[2 if arguments[1:2] == ["--"] else 1 :]]


def _fail(message: str) -> int:
    print(f"{_DISTRIBUTION}: {plain(' '.join(message.split()))}", file=sys.stderr)  # noqa: T201 -- this is the command line
    return FAILED
