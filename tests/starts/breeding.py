"""A stdio server whose tools start processes in the ways of ``multiprocessing``, and forks that exit in order."""

import atexit
import multiprocessing
import os
import sys
from pathlib import Path

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.scenes import servers


def square(number: int) -> int:
    """What a child works out."""
    return number * number


def pool(method: str, number: int) -> str:
    """Let a child do it."""
    with multiprocessing.get_context(method).Pool(1) as workers:
        return f"worked out {workers.apply_async(square, (number,)).get(20)}"


def fork_and_leave_in_order() -> str:
    """A child that runs every exit hook of its parent, as at the end of a program."""
    pid = os.fork()
    if pid == 0:
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage] -- the interpreter's own way; the tool's thread has no end
        os._exit(0)
    return f"status {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}"


def main() -> None:
    """Serve."""
    server = servers.framework()
    for tool in (pool, fork_and_leave_in_order):
        server.add_tool(tool)
    server.run()


if __name__ == "__main__":
    main()
