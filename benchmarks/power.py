"""What ``DURABILITY=power`` adds to a call on mcp 2.x, beside what a sync of the same disk costs by itself.

Two servers, ``process`` and ``power``, each in a process of its own with sink ``none``, do the same calls in turn,
round by round: one at a time, 16 and 256 at a time. In the same rounds a third process appends a line of the same size
to a file in the same folder and syncs it. A call's time is what a caller waits who is one of so many that always wait:
the time of the round, divided by the calls that each made. What ``power`` adds is given in syncs of the same round.

``python -m benchmarks.power [--rounds 9] [--dir FOLDER]``: the folder says which disk.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
AT_ONCE: Final = (1, 16, 256)
CALLS: Final = {1: 100, 16: 320, 256: 1024}
LINE_BYTES: Final = 1500
SYNCS: Final = 100


async def timed(call: Callable[[], Awaitable[Any]], at_once: int) -> float:
    """Mean time of a call in us, of which so many are always in flight."""
    each = CALLS[at_once] // at_once

    async def caller() -> None:
        for _ in range(each):
            await call()

    began = time.perf_counter_ns()
    await asyncio.gather(*(caller() for _ in range(at_once)))
    return (time.perf_counter_ns() - began) / 1e3 / each


async def serve(variant: str) -> None:
    """Do a round for each line on stdin, which says how many at once."""
    if variant == "sync":
        rounds: Callable[[int], Awaitable[float]] = synced
    else:
        from benchmarks.overhead import runner_call  # noqa: PLC0415 -- the kernel is imported after the instrumentor
        from otel_mcp_audit import MCPAuditInstrumentor  # noqa: PLC0415 -- only in the variants that have it

        MCPAuditInstrumentor().instrument()
        call = runner_call()
        await timed(call, 1)

        def rounds(at_once: int) -> Awaitable[float]:
            return timed(call, at_once)

    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(await rounds(int(line))), flush=True)


async def synced(_: int) -> float:
    """Mean us of an append and its sync."""
    path = Path(os.environ["OTEL_MCP_AUDIT_DIR"]).parent / "sync"
    times: list[float] = []
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for _ in range(SYNCS):
        began = time.perf_counter_ns()
        os.write(fd, b"x" * LINE_BYTES)
        os.fdatasync(fd)
        times.append((time.perf_counter_ns() - began) / 1e3)
    os.close(fd)
    return statistics.fmean(times)


def start(variant: str, folder: Path) -> subprocess.Popen[str]:
    """A variant's process, warmed up."""
    env = os.environ | {"OTEL_MCP_AUDIT_DIR": str(folder / variant), "OTEL_MCP_AUDIT_SINKS": "none"}
    if variant == "power":
        env["OTEL_MCP_AUDIT_DURABILITY"] = variant
    command = [sys.executable, "-m", "benchmarks.power", "--serve", variant]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def round_of(process: subprocess.Popen[str], at_once: int) -> float:
    """Have one round done."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{at_once}\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def main() -> None:
    """Measure, or serve one variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--serve")
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.serve))
        return
    with tempfile.TemporaryDirectory(dir=given.dir) as folder:
        processes = {name: start(name, Path(folder)) for name in ("process", "power", "sync")}
        print("| at once | process us | power us | sync alone us | added, in syncs |\n|---|---|---|---|---|")
        for at_once in AT_ONCE:
            rounds = [{name: round_of(each, at_once) for name, each in processes.items()} for _ in range(given.rounds)]
            p50 = {name: statistics.median(each[name] for each in rounds) for name in processes}
            added = statistics.median((each["power"] - each["process"]) / each["sync"] for each in rounds)
            print(
                f"| {at_once} | {p50['process']:.0f} | {p50['power']:.0f} | {p50['sync']:.0f} | {added:.2f} |",
                flush=True,
            )
        for process in processes.values():
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
