"""What auditing adds to the start of a process: the hook in every child Python, and the first server start.

Each figure is the median of fresh processes, taken in turn. ``python -m benchmarks.startup [--rounds 11]``
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

LOADER: Final = """
import time
import opentelemetry.instrumentation.auto_instrumentation._load
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
"""
"""What the loader has imported by the time it comes to us."""

HOOK: Final = f"""{LOADER}
began = time.perf_counter()
from otel_mcp_audit.instrumentation.preload import install
install()
print((time.perf_counter() - began) * 1e3)
"""

SERVE: Final = f"""{LOADER}
import mcp.server.lowlevel.server
from otel_mcp_audit.instrumentation import serving
from otel_mcp_audit.runtime import RUNTIME
began = time.perf_counter()
RUNTIME.serve()
print((time.perf_counter() - began) * 1e3)
import os
os._exit(0)
"""

LEAVE: Final = """
import sys
from otel_mcp_audit import Auditor, Settings
for number in range(int(sys.argv[1])):
    audit = Auditor(Settings(dir=sys.argv[2], sinks="none"))
    with audit.call("t", {}):
        pass
    audit.close()
"""

FILL: Final = """
import sys
from otel_mcp_audit import Auditor, Settings
audit = Auditor(Settings(dir=sys.argv[2], sinks="none", max_bytes=1 << 32))
for number in range(int(sys.argv[1])):
    with audit.call("t", {"a": number}):
        pass
audit.close()
"""


def run(script: str, folder: Path, *arguments: str) -> str:
    """Run a script on a journal folder; answers what it printed."""
    env = os.environ | {"OTEL_MCP_AUDIT_DIR": str(folder), "OTEL_MCP_AUDIT_SINKS": "none"}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def median(script: str, folder: Path, rounds: int) -> float:
    """Milliseconds."""
    return statistics.median(float(run(script, folder)) for _ in range(rounds))


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        empty, many, large = (Path(scratch) / name for name in ("empty", "many", "large"))
        run(LEAVE, many, "1000", str(many))
        run(FILL, large, "800000", str(large))
        size = sum(path.stat().st_size for path in large.rglob("*.jsonl")) / (1 << 20)
        print("| start | ms, median |", "|---|---|", sep="\n")
        print(f"| the hook, in every Python under `opentelemetry-instrument` | {median(HOOK, empty, rounds):.1f} |")
        print(f"| first server start, empty journal | {median(SERVE, empty, rounds):.1f} |")
        print(f"| first server start, 1,000 closed streams | {median(SERVE, many, rounds):.1f} |")
        print(f"| first server start, a journal of {size:.0f} MiB | {median(SERVE, large, rounds):.1f} |")


if __name__ == "__main__":
    main()
