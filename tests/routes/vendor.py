"""A vendor's exporter, installed in a folder: an entry point, and a module that writes bodies to a file."""

from pathlib import Path

NAME = "routes_vendor"
FILE = "ROUTES_VENDOR_FILE"

_MODULE = f"""
import os
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

class Exporter(LogRecordExporter):
    def export(self, batch):
        with open(os.environ["{FILE}"], "a", encoding="utf-8") as file:
            for each in batch:
                if each.instrumentation_scope.name == "otel_mcp_audit":
                    file.write(str(each.log_record.body) + "\\n")
        return LogRecordExportResult.SUCCESS
    def force_flush(self, timeout_millis=30000):
        return True
    def shutdown(self):
        pass
"""


def install(folder: Path) -> None:
    """Lay it out as an installed distribution, for whoever has the folder on its path."""
    info = folder / f"{NAME}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n", encoding="utf-8")
    group = f"[opentelemetry_logs_exporter]\n{NAME} = {NAME}:Exporter\n"
    (info / "entry_points.txt").write_text(group, encoding="utf-8")
    (folder / f"{NAME}.py").write_text(_MODULE, encoding="utf-8")
