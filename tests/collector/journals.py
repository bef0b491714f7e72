"""Journals of any size, what sends them, and what a copy lacks of them."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from otel_mcp_audit import Auditor, AuditRecord, Settings
from otel_mcp_audit.sinks import resolve
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


def send(lines: Iterable[bytes], endpoint: str) -> None:
    """Have lines acknowledged, in one request of the sink that every server sends by."""
    ((_, sink),) = resolve(f"otlp+{endpoint}", {})
    sink.write([AuditRecord(line, {"service.name": "collector"}) for line in lines])
    sink.close()


def missing(wanted: Iterable[bytes], records: Iterable[Mapping[str, Any]]) -> set[bytes]:
    """The lines of a journal that are not at a place, byte for byte."""
    return set(wanted) - set(received_lines(records))
