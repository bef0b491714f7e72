"""Each fault of the loader: what it does to a server under the stock loader, what ``run`` and ``doctor`` make of it.

With ``AUDIT_LOADER=FILE`` each row is added to the file as a line of JSON; ``python -m tests.loader.table FILE`` shows
them as a table.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.loader.programs import Ran, calls, execute, program, run, stock
from tests.loader.rows import ROWS, Row
from tests.scenes.processes import environment

_LOOKS = {"loader", "disabled", "settings"}


@dataclass(frozen=True)
class Found:
    """What was found out about a row.

    Attributes:
        stock, kept: how the server ended under the stock loader, and the calls on record.
        ours, kept_by_ours: likewise under ``run``.
        doctor: the checks that are not well.
    """

    stock: Ran
    kept: int
    ours: Ran
    kept_by_ours: int
    doctor: list[dict[str, Any]]

    @property
    def plain(self) -> str:
        """What became of the server under the stock loader: by its calls, never by what it says."""
        if "served" not in self.stock.stdout:
            return "not started"
        return "audited" if self.kept == 1 else "NOT audited"


def find_out(row: Row, folder: Path) -> Found:
    """Start the server in both ways, and ask the doctor."""
    row.install(folder / "strange")

    def environ(journal: str) -> dict[str, str]:
        return environment(folder / journal, PYTHONPATH=str(folder / "strange"), **row.environ)

    plain, ours = stock(environ("stock")), run(environ("run"))
    asked = execute([program("otel-mcp-audit"), "doctor", "--json"], environ("run"))
    checks = json.loads(asked.stdout)["checks"]
    unwell = [check for check in checks if check["name"] in _LOOKS and check["status"] != "ok"]
    return Found(plain, calls(folder / "stock"), ours, calls(folder / "run"), unwell)


@pytest.mark.parametrize("name", ROWS)
def test_a_fault_of_the_loader_never_leaves_a_server_of_run_unaudited(name: str, tmp_path: Path) -> None:
    row = ROWS[name]
    found = find_out(row, tmp_path)
    _note(name, found)
    assert found.plain == row.plain, found.stock.stderr
    assert found.ours.returncode == row.status, found.ours.stderr
    if row.status:
        _refused(row, found)
    else:
        assert (found.ours.stdout, found.kept_by_ours) == ("served\n", 1), found.ours.stderr
        assert not [check for check in found.doctor if check["status"] == "fail"]


def _refused(row: Row, found: Found) -> None:
    assert (found.ours.stdout, found.kept_by_ours) == ("", 0)
    said = found.ours.stderr.splitlines()[-1]
    assert said.startswith("otel-mcp-audit run: not started")
    assert row.names in said
    assert "Traceback" not in found.ours.stderr
    assert found.doctor, "the doctor finds nothing"
    assert any(row.names in check["detail"] + check["mend"] for check in found.doctor), found.doctor
    assert all(check["mend"] for check in found.doctor)
    if row.plain != "audited":
        assert any(check["status"] == "fail" for check in found.doctor)


def _note(name: str, found: Found) -> None:
    if not (file := os.environ.get("AUDIT_LOADER")):
        return
    said = [line for line in found.ours.stderr.splitlines() if line.startswith("otel-mcp-audit run:")]
    worst = sorted(found.doctor, key=lambda check: check["status"])[:1]
    noted = {
        "fault": name,
        "opentelemetry-instrument": found.plain,
        "run": found.ours.returncode,
        "run says": said[-1].partition("audited: ")[2] if said else "",
        "doctor": f"{worst[0]['status']}: {worst[0]['mend']}" if worst else "ok",
    }
    with Path(file).open("a", encoding="utf-8") as table:
        table.write(json.dumps(noted) + "\n")
