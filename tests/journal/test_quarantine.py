import json
import stat
from pathlib import Path

from otel_mcp_audit.journal import Quarantine


def test_a_record_is_set_aside_as_it_was_with_the_reason_and_the_time(tmp_path: Path):
    quarantine = Quarantine(tmp_path / "otlp.quarantine.jsonl")
    lines = [b'{"chain":{"seq":1},"x":"\xc3\xa4\\n"}', b"\xff is no text"]
    for n, line in enumerate(lines):
        quarantine.append(line, f"reason {n}")
    first, second = (json.loads(line) for line in quarantine.path.read_bytes().splitlines())
    assert first["line"].encode() == lines[0]
    assert second["line"] == "\\xff is no text"
    assert (first["reason"], second["reason"]) == ("reason 0", "reason 1")
    assert first["at"].endswith("Z")
    assert stat.S_IMODE(quarantine.path.stat().st_mode) == 0o600


def test_nothing_is_made_before_the_first_refusal(tmp_path: Path):
    Quarantine(tmp_path / "otlp.quarantine.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_the_torn_half_of_a_killed_writer_spoils_no_other_record(tmp_path: Path):
    quarantine = Quarantine(tmp_path / "otlp.quarantine.jsonl")
    quarantine.path.write_bytes(b'{"line":"half')
    quarantine.append(b"{}", "whole")
    half, whole = quarantine.path.read_bytes().splitlines()
    assert half == b'{"line":"half'
    assert json.loads(whole)["reason"] == "whole"


def test_a_link_in_its_place_is_refused(tmp_path: Path):
    target = tmp_path / "target"
    target.write_bytes(b"")
    quarantine = Quarantine(tmp_path / "otlp.quarantine.jsonl")
    quarantine.path.symlink_to(target)
    try:
        quarantine.append(b"{}", "reason")
    except OSError:
        assert target.read_bytes() == b""
    else:
        raise AssertionError("the link was followed")
