"""Somebody who reads a page and does what it says."""

from pathlib import Path

import pytest

from tests.collector.prometheus import tool
from tests.docs import pages, shape
from tests.docs.pages import Block, Command, Directive
from tests.docs.shell import Shell


class Reader:
    """Does a page's parts in turn.

    Args:
        folder: empty; what the reader makes is made in it.
    """

    def __init__(self, folder: Path) -> None:
        self._shell = Shell(folder)
        self._unused: set[str] = set()
        self._serving = False
        self._collecting = False
        self._beside = False
        self._status = 0

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.close()

    def do(self, part: Directive | Block) -> None:
        """Do one part of the page."""
        if isinstance(part, Directive):
            self._obey(part)
        elif part.title is not None:
            self._save(part.title, part.text)
        elif part.language == "python":
            self._run(Command(f"python - <<'END_OF_SCRIPT'\n{part.text}END_OF_SCRIPT", ""), shown=False)
        elif part.language in {"sh", "console"}:
            self._follow(part)

    def unused(self) -> set[str]:
        """Files that the page shows and no command has named since."""
        return self._unused

    def _obey(self, directive: Directive) -> None:
        match directive.verb:
            case "run":
                self._run(Command(directive.argument, ""), shown=False)
            case "serve":
                self._serving = True
            case "stop":
                self._shell.stop()
            case "receiver":
                self._shell.receive()
            case "collector":
                self._collecting = True
                self._beside = directive.argument == "beside"
            case "destinations":
                self._shell.stand_in()
            case "part":
                self._shell.have(directive.argument)
            case "prometheus":
                tool("promtool")
            case "status":
                self._status = int(directive.argument)
            case _:
                pytest.fail(f"line {directive.line}: no directive {directive.verb}")

    def _save(self, title: str, text: str) -> None:
        self._unused.add(title)
        self._shell.write(title, text)
        if title.endswith(".py"):
            compile(text, title, "exec")

    def _follow(self, block: Block) -> None:
        *first, last = pages.commands(block)
        for command in first:
            self._run(command, shown=block.language == "console")
        if self._serving:
            self._serving = False
            self._use(last)
            self._shell.serve(last.text)
        elif self._collecting:
            self._collecting = False
            self._shell.collect(last.text, beside=self._beside)
        else:
            status, self._status = self._status, 0
            self._run(last, shown=block.language == "console", status=status)

    def _run(self, command: Command, *, shown: bool, status: int = 0) -> None:
        self._use(command)
        done = self._shell.run(command.text)
        assert done.returncode == status, f"$ {command.text}\nstatus {done.returncode}\n{done.stdout}{done.stderr}"
        if shown:
            got = shape.familiar(done.stdout + (done.stderr if status else ""), self._shell.home)
            wrong = shape.difference(command.answer, got)
            assert wrong is None, f"$ {command.text}\n{wrong}"

    def _use(self, command: Command) -> None:
        self._unused -= {name for name in self._unused if name in command.text}
