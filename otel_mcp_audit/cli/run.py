"""``otel-mcp-audit run``."""

import os
import sys
from pathlib import Path
from typing import Final

from otel_mcp_audit.cli.terminal import plain
from otel_mcp_audit.errors import AuditError
from otel_mcp_audit.loader.command import NotAuditableError, NotFoundError, prepare

NOT_STARTED: Final = 78
NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
"""The last two as ``env`` has them."""


def run(*command: str) -> int:
    """Start a server, audited or not at all: `opentelemetry-instrument COMMAND`, but it refuses where auditing fails.

    Exit status: the command's own; 78 it was not started, as it would not be audited; 127, 126 it cannot be executed.

    Args:
        command: the command and all its arguments, such as `python server.py`; settings are environment variables.
    """
    if not command:
        raise AuditError("name the command to run: otel-mcp-audit run python server.py")
    if command[0].startswith("-"):
        raise AuditError(f"{command[0]} is no command: write otel-mcp-audit run python {' '.join(command)}")
    try:
        ready = prepare(command, os.environ, Path.cwd(), os.getpid())
        os.execve(ready.executable, ready.arguments, ready.environ)  # noqa: S606 -- to become this command is the job
    except NotFoundError as error:
        return _say(str(error), NOT_FOUND)
    except NotAuditableError as error:
        return _say(str(error), NOT_STARTED)
    except OSError as error:
        return _say(f"{command[0]}: {error.strerror}", NOT_EXECUTABLE)


def _say(text: str, status: int) -> int:
    print(plain(f"otel-mcp-audit run: {text}"), file=sys.stderr)  # noqa: T201 -- this is the command line
    return status
