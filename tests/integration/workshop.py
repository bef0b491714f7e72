"""A stdio server whose tools do what tools may do to their process: ``python workshop.py [before]``.

``before``: it forks once before it serves, and the child makes an audited call of its own.
"""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from otel_mcp_audit import audited
from tests.scenes import kernel, servers


@audited(resource="job:{number}")
def job(number: int) -> int:
    """Audited by itself where no request runs it."""
    return number


def child_python() -> str:
    """Start another Python, which inherits the instrumented environment."""
    script = "import mcp.server.lowlevel; print('child ran')"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


def _in_child(number: int) -> None:
    for step in range(3):
        job(number=number + step)


def _waited(pid: int) -> str:
    return f"status {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}"


def fork_and_exit() -> str:
    """A child that ends at once."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return _waited(pid)


def fork_and_raise() -> str:
    """A child that leaves through the tool, as one does that forgot to exit; the kernel ends it."""
    pid = os.fork()
    if pid == 0:
        try:
            raise RuntimeError("in the child")
        finally:
            os._exit(3)
    return _waited(pid)


def fork_and_work(number: int) -> str:
    """A child that makes audited calls of its own."""
    pid = os.fork()
    if pid == 0:
        try:
            _in_child(number)
        finally:
            os._exit(0)
    return _waited(pid)


def multiprocess(number: int) -> str:
    """Likewise with ``multiprocessing``, whose child would wait for ever to close the stdin that a thread reads."""
    worker = multiprocessing.get_context("fork").Process(target=_in_child, args=(number,))
    stdin, sys.stdin = sys.stdin, None  # pyright: ignore[reportAttributeAccessIssue] -- None is what it looks for
    worker.start()
    sys.stdin = stdin
    worker.join()
    return f"status {worker.exitcode}"


@audited(purpose="in the request")
def audited_tool(number: int) -> int:
    """An audited tool of the server itself."""
    return job(number)


def build() -> object:
    """The server."""
    server = kernel.Framework(servers.NAME, log_level="CRITICAL")
    tools = (child_python, fork_and_exit, fork_and_raise, fork_and_work, multiprocess, audited_tool)
    for tool in (*tools, *servers.tools.TOOLS):
        server.add_tool(tool)
    return server


def main() -> None:
    """Serve."""
    if "before" in sys.argv:
        job(number=1)
        if os.fork() == 0:
            job(number=2)
            os._exit(0)
    server: kernel.Any = build()
    server.run()


if __name__ == "__main__":
    main()
