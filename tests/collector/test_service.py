"""The systemd unit: by systemd's own opinion, and its command lines as it would run them."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.collector.binary import CONFIG, binary
from tests.collector.prometheus import OPERATIONS
from tests.collector.test_validate import VARIABLES
from tests.require import require

UNIT: Final = (OPERATIONS / "otelcol-audit.service").read_text(encoding="utf-8")
INSTALLED: Final = "/usr/local/bin/otelcol-audit"
EXPOSURE: Final = 20
"""What systemd calls OK begins at 30 of 100: a service that reads tokens and serves a port should do better."""


def analyze(folder: Path, unit: str, *verb: str) -> subprocess.CompletedProcess[str]:
    """Have systemd look at a unit, with a binary that is there."""
    systemd = shutil.which("systemd-analyze")
    require("systemd", systemd, "apt-get install systemd")
    assert systemd
    file = folder / "otelcol-audit.service"
    file.write_text(unit.replace(INSTALLED, str(binary())), encoding="utf-8")
    return subprocess.run([systemd, *verb, str(file)], capture_output=True, text=True, timeout=60, check=False)


def test_systemd_has_nothing_against_the_unit(tmp_path: Path) -> None:
    done = analyze(tmp_path, UNIT, "verify", "--man=no")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong"), [("ProtectSystem", "ProtectSystemd"), ("Restart=always", "Restart=sometimes")]
)
def test_systemd_notices_what_it_does_not_know(tmp_path: Path, right: str, wrong: str) -> None:
    done = analyze(tmp_path, UNIT.replace(right, wrong), "verify", "--man=no")
    assert wrong.rpartition("=")[2] in done.stderr


def test_the_unit_leaves_the_service_little_to_do_harm_with(tmp_path: Path) -> None:
    done = analyze(tmp_path, UNIT, "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("more", [(), ("secure", "splunk")], ids=["as it comes", "with more files"])
def test_what_it_starts_and_first_checks_is_a_command_line_of_the_collector(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    (configs,) = re.findall(r'^Environment="CONFIGS=(.*)"$', UNIT, re.MULTILINE)
    configs = " ".join([configs, *(f"--config /etc/otelcol-audit/{name}.yaml" for name in more)])
    check, start = (re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE) for key in ("ExecStartPre", "ExecStart"))
    assert check == [start[0].replace(INSTALLED, f"{INSTALLED} validate")]
    words = check[0].replace("$CONFIGS", configs.replace("/etc/otelcol-audit", str(CONFIG))).split()
    folders = {f"AUDIT_{name}_DIR": str(tmp_path / name) for name in ("ARCHIVE", "TELEMETRY", "QUEUE")}
    line = [str(binary()), *words[1:]]
    done = subprocess.run(line, env=os.environ | VARIABLES | folders, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
