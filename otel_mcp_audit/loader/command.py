"""A command as ``run`` executes it: found on PATH, with our loader first on the Python path."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from otel_mcp_audit.errors import AuditError
from otel_mcp_audit.loader.start import FIRST

VARIABLE: Final = "_OTEL_MCP_AUDIT_RUN"
"""Holds the id of the process that becomes the command; not of our prefix, whose unknown variables are errors."""

_PYTHON: Final = re.compile(r"(python|pypy)[\d.]*")
_STOCK_LOADER: Final = "opentelemetry/instrumentation/auto_instrumentation"
_DEAF: Final = frozenset("IES")
"""Flags of Python under which PYTHONPATH, or ``site`` as a whole, is passed over."""

_WITH_ARGUMENT: Final = ("-X", "-W", "--check-hash-based-pycs")
_SHEBANG_LIMIT: Final = 256


class NotFoundError(AuditError):
    """There is no such command."""


class NotAuditableError(AuditError):
    """The command would not be audited, whatever its environment."""


class Command(NamedTuple):
    """What is executed: the file, its arguments with its name first, its environment."""

    executable: Path
    arguments: list[str]
    environ: dict[str, str]


def prepare(arguments: Sequence[str], environ: Mapping[str, str], folder: Path, pid: int) -> Command:
    """Find the command and give it our loader.

    Args:
        arguments: the command line.
        environ: the environment to start from.
        folder: the working folder, which is put on the Python path, as ``opentelemetry-instrument`` does.
        pid: of the process that is going to be the command.

    Raises:
        NotFoundError: there is no such command.
        NotAuditableError: it is one that our loader cannot get into.
    """
    found = shutil.which(arguments[0], path=environ.get("PATH"))
    if found is None:
        raise NotFoundError(f"{arguments[0]}: there is no such command on PATH, or it may not be executed")
    _see_auditable(Path(found), arguments[1:])
    if not (FIRST / "sitecustomize.py").is_file():
        raise NotAuditableError(f"{FIRST} lacks its file: install otel-mcp-audit anew")
    path = os.pathsep.join(_python_path(environ.get("PYTHONPATH", ""), str(folder)))
    return Command(Path(found), [found, *arguments[1:]], {**environ, "PYTHONPATH": path, VARIABLE: str(pid)})


def _python_path(given: str, folder: str) -> list[str]:
    """Our loader first; not the stock one, which would run in its place or beside it."""
    parts = [part for part in given.split(os.pathsep) if part]
    kept = [part for part in parts if Path(part) != FIRST and not Path(part).as_posix().endswith(_STOCK_LOADER)]
    return [str(FIRST), *([] if folder in kept else [folder]), *kept]


def _see_auditable(executable: Path, arguments: Sequence[str]) -> None:
    if executable.name == "opentelemetry-instrument":
        raise NotAuditableError(
            "opentelemetry-instrument would put its own loader in front of ours: leave it out, `run` does the same; "
            "its options are environment variables"
        )
    words = [executable.name, *arguments] if _PYTHON.fullmatch(executable.name) else _shebang(executable)
    for flag in _flags(words[1:]) if words and _PYTHON.fullmatch(words[0]) else ():
        raise NotAuditableError(f"{executable}: under Python's {flag} no loader can run: leave that option out")


def _shebang(script: Path) -> list[str]:
    """The interpreter's name and its options, where the file begins with such a line."""
    with script.open("rb") as file:
        line = file.read(_SHEBANG_LIMIT).split(b"\n", 1)[0].decode("utf-8", "replace")
    if not line.startswith("#!"):
        return []
    words = line[2:].split()
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if word != "-S" and "=" not in word]
    return [Path(words[0]).name, *words[1:]] if words else []


def _flags(arguments: Sequence[str]) -> Iterator[str]:
    """The options of Python among its arguments under which our loader is passed over."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-") or word in {"-", "--"} or word[:2] in {"-c", "-m"}:
            return
        if word in _WITH_ARGUMENT:
            next(words, None)
        elif not word.startswith("--") and word[:2] not in {"-X", "-W"} and _DEAF & set(word[1:].partition("c")[0]):
            yield word
