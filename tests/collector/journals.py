"""Journals of any size, the command that ships them, and what a copy lacks of them."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from otel_mcp_audit import Auditor, Settings
from tests.integration.process import Process, exporting
from tests.scenes.reconcile import journal_lines, received_lines


def leave(folder: Path, calls: int, pad: int = 0) -> list[bytes]:
    """One more stream with so many calls, undelivered; answers all lines of the journal."""
    auditor = Auditor(Settings(dir=str(folder), sinks="none"))
    for number in range(calls):
        with auditor.call(f"tool-{number % 7}", {"text": "é\u2028" + "x" * pad}):
            pass
    auditor.close()
    return lines(folder)


def lines(folder: Path) -> list[bytes]:
    """All lines of a journal, as they are sent."""
    return [line.rstrip(b"\n") for line in journal_lines(folder)]


def shipping(folder: Path, endpoint: str, protocol: str = "http/protobuf", **changes: str) -> Process:
    """The process of ``otel-mcp-audit ship``: the sender of every server, back-off and all."""
    environ = exporting(folder, endpoint, OTEL_EXPORTER_OTLP_PROTOCOL=protocol, **changes)
    program = Path(sys.executable).with_name("otel-mcp-audit")
    return Process([str(program), "ship", "--json", "--timeout", "30", "--dir", str(folder)], environ)


def ship(folder: Path, endpoint: str, **changes: str) -> None:
    """Have everything acknowledged."""
    with shipping(folder, endpoint, **changes) as process:
        status = process.ended()
        assert status == 0, process.stderr.text + process.stdout.text


def missing(wanted: Iterable[bytes], records: Iterable[Mapping[str, Any]]) -> set[bytes]:
    """The lines of a journal that are not at a place, byte for byte."""
    return set(wanted) - set(received_lines(records))


def verified(copy: Path, journal: Path) -> subprocess.CompletedProcess[str]:
    """``otel-mcp-audit verify COPY --against JOURNAL``."""
    program = Path(sys.executable).with_name("otel-mcp-audit")
    line = [program, "verify", "--json", copy, "--against", journal]
    return subprocess.run(line, env=os.environ, capture_output=True, text=True, check=False, timeout=60)
