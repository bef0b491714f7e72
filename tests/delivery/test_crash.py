"""Processes that are killed: the sender, and the receiver. What the receiver's own file holds is the truth."""

import os
import random
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.delivery.trail import Trail, unique
from tests.receivers.store import of

ROOT = Path(__file__).parents[2]


@contextmanager
def running(*command: str, environ: Mapping[str, str] = os.environ) -> Generator[subprocess.Popen[str]]:
    """A Python process that is killed at the end, if not before."""
    argv = [sys.executable, "-m", *command]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """The next line of its output; empty where it ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def receiving(protocol: str, store: Path, port: int = 0) -> Generator[int]:
    """A receiver in a process of its own."""
    with running(f"tests.receivers.otlp_{protocol}", "--port", str(port), "--store", str(store)) as process:
        yield int(said(process))


def sending(protocol: str, port: int) -> Mapping[str, str]:
    return os.environ | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc" if protocol == "grpc" else "http/protobuf",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "5",
    }


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_sender_killed_at_random_points_skips_nothing(tmp_path: Path, protocol: str) -> None:
    trail = Trail(tmp_path / "journal", segment_bytes=1024 * 1024)
    lines = trail.append(6000)
    trail.stream.close()
    assert trail.stream.path is not None
    store = tmp_path / "received.jsonl"
    chance = random.Random(protocol)
    with receiving(protocol, store) as port:
        environ = sending(protocol, port)
        for _ in range(4):
            with running("tests.delivery.endless", str(trail.stream.path), environ=environ) as process:
                assert said(process) == "begun"
                with suppress(subprocess.TimeoutExpired):
                    process.wait(chance.uniform(0, 0.3))
        with running("tests.delivery.endless", str(trail.stream.path), environ=environ) as process:
            assert (said(process), said(process)) == ("begun", "done")
    received = [record["body"] for record in of(store, "logs")]
    assert unique(received) == lines
    assert trail.quarantined() == []


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_receiver_killed_and_started_again_on_its_port_gets_everything(tmp_path: Path, protocol: str) -> None:
    trail = Trail(tmp_path / "journal", segment_bytes=1024 * 1024)
    lines = trail.append(6000)
    trail.stream.close()
    assert trail.stream.path is not None
    store = tmp_path / "received.jsonl"
    with ExitStack() as stack:
        with receiving(protocol, store) as port:
            environ = sending(protocol, port)
            sender = running("tests.delivery.endless", str(trail.stream.path), environ=environ)
            process = stack.enter_context(sender)
            assert said(process) == "begun"
        for _ in range(2):
            with receiving(protocol, store, port):
                pass
        with receiving(protocol, store, port):
            assert said(process) == "done"
    received = [record["body"] for record in of(store, "logs")]
    assert unique(received) == lines


MEASURE = """
import resource, sys
from pathlib import Path
from otel_mcp_audit.delivery import Delivery, Source
from otel_mcp_audit.journal import Reader

taken, peak = 0, []

def sink(records):
    global taken
    taken += len(records)
    peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

folder = Path(sys.argv[1])
delivery = Delivery("count", type("Sink", (), {"write": staticmethod(sink), "close": lambda self: None})())
delivery.add(Source(folder.name, Reader(folder), folder / "count.cursor", None, {}))
assert delivery.flush(50)
print(taken, peak[-1] - peak[0])
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="ru_maxrss has another unit")
def test_a_large_backlog_is_never_in_memory(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "journal")
    trail.append(15_000, pad=6_000)
    trail.stream.close()
    command = [sys.executable, "-c", MEASURE, str(trail.stream.path)]
    taken, kibibytes = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()
    assert int(taken) == 15_000
    # Over 100 MB went through.
    assert int(kibibytes) < 32 * 1024
