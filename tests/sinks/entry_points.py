"""Exporters of a distribution that is really installed, in a folder of its own on the path."""

import sys
from pathlib import Path

import pytest

PROGRAM = """
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

class Exporter(LogRecordExporter):
    answers = []
    got = []
    ended = []
    made = []
    def __init__(self):
        self.made.append(self)
    def export(self, batch):
        answer = self.answers.pop(0) if self.answers else LogRecordExportResult.SUCCESS
        if isinstance(answer, BaseException):
            raise answer
        if answer is LogRecordExportResult.SUCCESS:
            self.got.extend(batch)
        return answer
    def force_flush(self, timeout_millis=30000):
        self.ended.append("flush")
        return True
    def shutdown(self):
        self.ended.append("shutdown")

class Unmakeable(Exporter):
    def __init__(self):
        raise ValueError("no connection string; password=hunter2")
"""


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Install the distribution: exporters ``NAME``, ``NAME_unmakeable`` and ``NAME_missing``."""
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    entries = f"{module} = {module}:Exporter\n{module}_unmakeable = {module}:Unmakeable\n{module}_missing = no_such:X\n"
    (info / "entry_points.txt").write_text(f"[opentelemetry_logs_exporter]\n{entries}", encoding="utf-8")
    (folder / f"{module}.py").write_text(PROGRAM, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
