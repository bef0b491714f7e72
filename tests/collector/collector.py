"""A Collector as a process of its own, on loopback ports and in folders of its own."""

import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from tests.collector.binary import CONFIG, SHIPPED, binary
from tests.integration.process import eventually
from tests.scenes.processes import PATIENCE

_PORTS: Final = ("GRPC", "HTTP", "HEALTH", "METRICS")
_SAMPLE: Final = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$", re.MULTILINE)


class Collector:
    """Runs while it is entered; may be killed and started again, with the same ports and folders.

    Args:
        state: its folders and its log are made in it.
        configs: names of files of ``collector-config``, or paths.
        program: which binary.
        sets: further settings, ``path=value`` as ``--set`` takes them.
        environ: variables that the files read.

    Attributes:
        archive: folder of the audit archive.
        telemetry: folder of spans and other logs.
        queue: folder of the queues.
    """

    def __init__(
        self,
        state: Path,
        *configs: str | Path,
        program: str = SHIPPED,
        sets: Iterable[str] = (),
        **environ: str,
    ) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.archive, self.telemetry, self.queue = (state / name for name in ("archive", "telemetry", "queue"))
        self._log = state / f"{program}.log"
        self._ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self._line = command(binary(program), configs, sets)
        self._environ = {
            **os.environ,
            "AUDIT_ARCHIVE_DIR": str(self.archive),
            "AUDIT_TELEMETRY_DIR": str(self.telemetry),
            "AUDIT_QUEUE_DIR": str(self.queue),
            "AUDIT_REPLAY_QUEUE_DIR": str(state / "replay-queue"),
            **{f"AUDIT_{name}_PORT": str(port) for name, port in self._ports.items()},
            **environ,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def begin(self) -> None:
        """Start it and do not wait."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._line, env=self._environ, stdout=log, stderr=subprocess.STDOUT)

    def start(self) -> None:
        """Start it and wait until everything runs."""
        seen = len(self.log) if self._log.exists() else 0
        self.begin()
        try:
            eventually(lambda: self._runs(self.log[seen:]), "the Collector runs")
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it as nothing can prevent."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """End it as an operator does; answers the exit status."""
        return self._end(signal.SIGTERM)

    def ended(self) -> int:
        """Wait until it has gone of its own accord; answers the exit status."""
        assert self._process is not None
        return self._process.wait(PATIENCE)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def endpoint(self) -> str:
        """Where it takes OTLP over HTTP."""
        return f"http://127.0.0.1:{self._ports['HTTP']}"

    @property
    def grpc(self) -> str:
        """Where it takes OTLP over gRPC."""
        return f"http://127.0.0.1:{self._ports['GRPC']}"

    @property
    def metrics(self) -> str:
        """Where its own metrics are scraped, ``host:port``."""
        return f"127.0.0.1:{self._ports['METRICS']}"

    @property
    def log(self) -> str:
        """All that it wrote."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def complaints(self) -> list[str]:
        """What it wrote above the level of information, and what is no log line at all."""
        return [line for line in self.log.splitlines() if '"level":"info"' not in line]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 where there is none, as before a first failure."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=PATIENCE) as answer:
            text = answer.read().decode()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(sample["value"])
            for sample in _SAMPLE.finditer(text)
            if sample["name"] == name and all(each in (sample["labels"] or "") for each in wanted)
        )

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(PATIENCE)

    def _runs(self, said: str) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the Collector ended with {self._process.returncode}: {said[-3000:]}"
        return "Everything is ready" in said


def command(program: Path, configs: Iterable[str | Path], sets: Iterable[str] = (), *verb: str) -> list[str]:
    """A command line of the Collector."""
    files = [CONFIG / f"{config}.yaml" if isinstance(config, str) else config for config in configs]
    options = [*(("--config", str(file)) for file in files), *(("--set", each) for each in sets)]
    return [str(program), *verb, *(word for option in options for word in option)]


def free_ports(count: int) -> list[int]:
    """So many ports that nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
