"""``verify`` as its users see it: exit status, JSON, and the sentence at the end."""

import gzip
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.cli.commands import COMMAND, environment, run, run_json
from tests.verify.trails import OTHER, STREAM, body, chained, head, journal, pruned, trail
from tests.verify.wrappings import archive, table_csv

LINES = trail(6)


def test_a_sound_journal_ends_with_the_word_intact_and_status_0(tmp_path: Path) -> None:
    done = run("verify", "--dir", journal(tmp_path, LINES))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == '6 records, 1 stream, chain intact. Unsigned: see "What this proves".\n'


def test_without_a_path_the_journal_of_the_environment_is_verified(tmp_path: Path) -> None:
    root = journal(tmp_path / "journal", LINES, trail(3, OTHER))
    code, report = run_json("verify", env=environment(tmp_path, OTEL_MCP_AUDIT_DIR=str(root)))
    assert (code, report) == (0, {"ok": True, "records": 9, "streams": 2, "pruned": 0, "findings": []})


def test_else_the_first_folder_of_the_ladder_that_is_there(tmp_path: Path) -> None:
    env = environment(tmp_path, STATE_DIRECTORY=f"{tmp_path}/state:{tmp_path}/other")
    journal(tmp_path / "state" / "otel-mcp-audit", LINES)
    code, report = run_json("verify", env=env)
    assert (code, report["records"]) == (0, 6)


def test_no_journal_at_all_is_status_2_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code, report = run_json("verify", env=environment(tmp_path))
    assert (code, report["ok"], report["records"]) == (2, False, 0)
    assert "--dir or OTEL_MCP_AUDIT_DIR" in report["findings"][0]["detail"]
    assert list(tmp_path.iterdir()) == []


def test_files_folders_and_packed_ones_in_any_order_are_one_trail(tmp_path: Path) -> None:
    (tmp_path / "archive.jsonl").write_bytes(archive(LINES[3:]))
    (tmp_path / "old.gz").write_bytes(gzip.compress(table_csv(LINES[:4])))
    root = journal(tmp_path / "journal", LINES)
    code, report = run_json("verify", tmp_path / "archive.jsonl", root, tmp_path / "old.gz", tmp_path / "old.gz")
    assert (code, report["records"]) == (0, 6)


def test_findings_are_status_1_and_told_in_both_forms(tmp_path: Path) -> None:
    path = tmp_path / "copy.jsonl"
    path.write_bytes(b"".join(LINES[:2] + LINES[3:]).replace(b'"alice"', b'"mallo"', 1))
    code, report = run_json("verify", path)
    assert code == 1
    altered = {"kind": "altered", "stream": STREAM, "seq": 1, "path": str(path), "line": 1}
    missing = {"kind": "missing_seq", "stream": STREAM, "seq": 3, "count": 1}
    assert [{k: v for k, v in found.items() if k != "detail"} for found in report["findings"]] == [altered, missing]
    done = run("verify", path)
    assert done.returncode == 1
    assert f"altered  stream {STREAM}  record 1  {path}:1" in done.stdout
    assert f"missing_seq  stream {STREAM}  record 3\n" in done.stdout
    assert done.stdout.endswith("4 records, 1 stream verified, NOT intact: 2 findings.\n")


@pytest.mark.parametrize("content", [b"", b'{"results":[]}', b'{"level":"info","message":"hello"}\n'])
def test_nothing_verified_is_status_2_with_the_count_in_plain_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(content)
    done = run("verify", path)
    assert done.returncode == 2
    assert done.stdout.endswith("0 records, 0 streams: nothing verified, 1 finding.\n")
    assert "intact" not in done.stdout
    code, report = run_json("verify", path)
    assert (code, report["ok"], len(report["findings"])) == (2, False, 1)


def test_a_declared_cut_is_said(tmp_path: Path) -> None:
    rest = chained([pruned(7, LINES[:2])], seq=7, prev=head(LINES).hash)
    done = run("verify", journal(tmp_path, LINES[2:] + rest))
    assert done.returncode == 0
    assert "5 records, 1 stream, 2 records pruned as declared, chain intact." in done.stdout


def test_a_comparison_lists_what_the_copy_lacks(tmp_path: Path) -> None:
    root = journal(tmp_path / "journal", LINES)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(archive(LINES[:5]))
    code, report = run_json("verify", copy, "--against", root)
    assert (code, report["findings"]) == (1, [])
    assert report["missing"] == [{"id": "019a0000-0000-7000-8000-000000000006", "stream": STREAM, "seq": 6}]
    done = run("verify", copy, "--against", root)
    assert f"missing  019a0000-0000-7000-8000-000000000006  stream {STREAM}  record 6\n" in done.stdout
    assert "1 record missing from the copy" in done.stdout
    copy.write_bytes(archive(LINES))
    code, report = run_json("verify", copy, "--against", root)
    assert (code, report["missing"]) == (0, [])


def test_one_tenant_is_verified_alone(tmp_path: Path) -> None:
    root = journal(tmp_path, trail(9, tenants=("acme", "globex")))
    assert run_json("verify", root, "--tenant", "globex")[1]["records"] == 3
    code, report = run_json("verify", root, "--tenant", "initech")
    assert (code, report["ok"], report["findings"][0]["kind"]) == (2, False, "foreign")


def test_what_a_terminal_could_obey_is_escaped_and_json_says_what_it_was(tmp_path: Path) -> None:
    hostile = "\x1b[31m[bold]\u202e\x9b\n"
    path = tmp_path / "copy.jsonl"
    line = chained([body(1)], stream="x")[0].replace(
        b'"stream":"x"', b'"stream":"\\u001b[31m[bold]\xe2\x80\xae\xc2\x9b\\n"'
    )
    path.write_bytes(line)
    done = run("verify", path)
    assert r"altered  stream \u001b[31m[bold]\u202e\u009b\u000a  record 1" in done.stdout
    assert not set("\x1b\u202e\x9b") & set(done.stdout + run("verify", path, "--json").stdout)
    assert run_json("verify", path)[1]["findings"][0]["stream"] == hostile


def test_a_name_that_is_no_text_is_printed(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.jsonl"))
    path.write_bytes(b"junk\n")
    done = run("verify", path)
    assert done.returncode == 2
    assert r"\udcff\u001b.jsonl" in done.stdout
    assert run_json("verify", path)[0] == 2


def test_a_terminal_that_cannot_show_a_text_gets_escapes(tmp_path: Path) -> None:
    path = tmp_path / "ß.jsonl"
    path.write_bytes(b"junk\n")
    env = {**environment(tmp_path), "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    assert r"\xdf.jsonl" in run("verify", path, env=env).stdout
    assert run_json("verify", path, env=env)[1]["findings"][0]["path"] == str(path)


@pytest.mark.parametrize("arguments", [["verify", "--jsn"], ["verify", "x", "--dir", "y"], ["verfy"]])
def test_a_wrong_command_line_is_one_line_and_status_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("otel-mcp-audit: ")
    assert done.stderr.count("\n") == 1


def test_help_names_every_command_that_is_there() -> None:
    done = run("--help")
    assert done.returncode == 0
    for command in ("tail", "verify"):
        assert f" {command} " in done.stdout
    assert "--against" in run("verify", "--help").stdout


def test_help_imports_no_command() -> None:
    probe = (
        "import sys; from otel_mcp_audit.cli import app; app()('--help')\n"
        "heavy = ('otel_mcp_audit.verify', 'msgspec', 'opentelemetry')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    done = subprocess.run([COMMAND[0], "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_a_reader_that_leaves_early_changes_neither_the_status_nor_stderr(tmp_path: Path) -> None:
    path = tmp_path / "copy.jsonl"
    path.write_bytes(b"".join(line.replace(b'"alice"', b'"mallo"') for line in trail(400)))
    for form in ([], ["--json"]):
        process = subprocess.Popen(
            [*COMMAND, "verify", str(path), *form], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(timeout=50) == 1
        process.stderr.close()


def test_people_see_progress_on_stderr_and_pipes_do_not(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    path.write_bytes(b"".join(trail(3000)))
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "verify", str(path)], stdout=subprocess.PIPE, stderr=follower, env={**os.environ, "TERM": "xterm"}
    )
    os.close(follower)
    assert process.stdout is not None
    shown = process.stdout.read()
    process.wait(timeout=50)
    assert b"chain intact" in shown
    assert b"verifying" in os.read(leader, 65536)
    os.close(leader)
    process.stdout.close()
