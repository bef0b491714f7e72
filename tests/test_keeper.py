"""The keeper of the folder: what owners left behind is finished and let go of, a few at a time."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from otel_mcp_audit import Auditor, AuditRecord, Settings, keeper

LEFT = 12


class Taken:
    """A sink of this process; its name is the same in every one."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    def write(self, records: Sequence[AuditRecord]) -> None:
        self.records.extend(records)

    def close(self) -> None:
        return


def leave(folder: Path) -> None:
    """A process that is killed in the middle of a call, with nothing delivered."""
    child = os.fork()
    if child == 0:
        with Auditor(Settings(dir=str(folder), sinks=[Refusing()])).call("cut", {}):
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)


class Refusing(Taken):
    """Takes nothing."""

    def write(self, records: Sequence[AuditRecord]) -> None:
        raise OSError("not now")


Refusing.__qualname__ = Taken.__qualname__
Refusing.__name__ = Taken.__name__


def held(folder: Path) -> set[Path]:
    """The streams of which this process has a file open."""
    found: set[Path] = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed while we look
            found.add(descriptor.readlink().parent)
    return {path for path in found if path.is_relative_to(folder)}


def test_many_streams_that_were_left_are_finished_without_holding_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "ADOPTED_AT_ONCE", 4)
    monkeypatch.setattr(keeper, "LOOK_EVERY_S", 0.05)
    for _ in range(LEFT):
        leave(tmp_path)
    sink = Taken()
    audit = Auditor(Settings(dir=str(tmp_path), sinks=[sink]))
    audit.start()
    most, ends = 0, time.monotonic() + 40
    while len(cut := {record.id: record for record in sink.records if record.tool == "cut"}) < LEFT:
        assert time.monotonic() < ends
        most = max(most, len(held(tmp_path)))
        time.sleep(0.02)
    assert {record.outcome for record in cut.values()} == {"unknown"}
    assert 0 < most <= 4 + 2  # this process's own, and one that is being looked at
    audit.close()
