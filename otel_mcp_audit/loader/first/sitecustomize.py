"""What ``otel-mcp-audit run`` puts in front of every Python below it: the loader, and a refusal where that fails.

It also runs in Pythons that have neither us nor OpenTelemetry: what it needs before it knows that is standard library.
The command's own process ends at once with status 78. Any other one, such as a tool's child or a launcher, is left
alone until it imports an MCP kernel: only then would calls be served that nobody audits.
"""

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final, NoReturn

_FIRST: Final = os.environ.get("_OTEL_MCP_AUDIT_RUN") == str(os.getpid())
"""Whether this is the process that ``run`` became: a process keeps its id when it executes a command."""

_NOT_STARTED: Final = 78
"""EX_CONFIG of sysexits.h."""

_LOADERS: Final = ("otel_mcp_audit/loader/first", "opentelemetry/instrumentation/auto_instrumentation")


def stop(reason: str) -> NoReturn:
    """End the process before it serves; not by an exception, which ``site`` and servers turn into other statuses."""
    text = f"otel-mcp-audit run: not started, its MCP calls would not be audited: {reason}\n"
    with contextlib.suppress(OSError):  # nobody listens
        os.write(2, text.encode("utf-8", "backslashreplace"))
    os._exit(_NOT_STARTED)


def refuse(reason: str) -> None:
    """Stop the command's own process, and any other one once it is about to become an MCP server."""
    if _FIRST:
        stop(reason)
    sys.meta_path.insert(0, _Guard(reason))


class _Guard:
    """Stands in the way of an MCP kernel, and of nothing else."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        del path, target
        if name == "mcp.server":
            stop(self._reason)


def _begin() -> None:
    try:
        importlib.import_module("otel_mcp_audit.loader.start").begin(refuse, stop, first=_FIRST)
    except Exception as error:  # noqa: BLE001 -- whatever keeps us from loading, in whatever environment this is
        refuse(
            f"otel-mcp-audit cannot be loaded by {sys.executable} ({type(error).__name__}: {error}): install it in "
            "that environment, and put `otel-mcp-audit run` directly in front of the server's command"
        )


def _go_on() -> None:
    """Run the ``sitecustomize`` that would have been found without us; the stock loader forgets it."""
    elsewhere = [entry for entry in sys.path if not Path(entry).as_posix().endswith(_LOADERS)]
    spec = PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is None or spec.loader is None:
        return
    module = sys.modules["sitecustomize"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


_begin()
_go_on()
