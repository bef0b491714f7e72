"""``tail``: the newest records of all streams, and those that come."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from otel_mcp_audit.cli.newest import newest
from otel_mcp_audit.journal import Stream
from otel_mcp_audit.line import Body, Event, decode_body, encode_body
from tests.cli.commands import COMMAND, environment, run
from tests.verify.trails import OTHER, body, journal, trail


def called(number: int, **changes: object) -> bytes:
    """A body of one call, with some of the event changed."""
    event = msgspec.convert(msgspec.to_builtins(decode_body(body(number)).event) | changes, Event)
    return encode_body(Body(event=event))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "journal"
    folder.mkdir(mode=0o700)
    return folder


def test_rows_show_who_did_what_how_it_ended_and_what_was_touched(root: Path) -> None:
    time = {"timestamp": "2026-11-24T10:30:00.000000Z"}
    stream = Stream.create(root)
    stream.append(
        called(
            1,
            **time,
            tool="read_chart",
            user={"id": "alice", "tenant_id": "acme"},
            response={"outcome": "success", "duration_us": 150_312},
            resources=[{"id": "patient:4711", "type": "patient"}],
            sensitivity="restricted",
            phi=True,
        )
    )
    stream.append(
        called(
            2,
            **time,
            tool="read_chart",
            user={"id": "bob", "tenant_id": "globex"},
            response={"outcome": "denied", "duration_us": 2000},
        )
    )
    stream.append(called(3, **time, tool="drop_table", user={"id": "anonymous"}, response={"outcome": "unknown_tool"}))
    stream.close()
    done = run("tail", "--dir", root)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "2026-11-24 10:30:00  alice@acme  read_chart  success       150 ms  patient:4711  restricted  phi\n"
        "2026-11-24 10:30:00  bob@globex  read_chart  denied          2 ms  -\n"
        "2026-11-24 10:30:00  anonymous   drop_table  unknown_tool\n"
    )


def test_the_newest_of_all_streams_come_in_the_order_of_time(root: Path) -> None:
    streams = [Stream.create(root, segment_bytes=8000) for _ in range(3)]
    for number in range(1, 61):
        streams[number % 3].append(body(number))
    for stream in streams:
        stream.close()
    shown = [json.loads(line)["request"]["id"] for line in run("tail", "--dir", root, "--json").stdout.splitlines()]
    assert shown == [f"req-{number}" for number in range(41, 61)]
    shown = run("tail", "--dir", root, "--json", "-n", "3").stdout.splitlines()
    assert [json.loads(line)["request"]["id"] for line in shown] == ["req-58", "req-59", "req-60"]


def test_json_is_the_shape_of_the_request(root: Path) -> None:
    journal(root, trail(2, closed=False))
    (line,) = run("tail", "--dir", root, "--json").stdout.splitlines()
    (taken,) = newest(root, 1, lambda _: True).records
    assert json.loads(line) == taken.as_dict()
    assert list(json.loads(line))[:6] == ["timestamp", "event_type", "tool", "user", "request", "params"]


def test_records_about_the_trail_are_shown_only_when_asked_for(root: Path) -> None:
    journal(root, trail(5))
    assert len(run("tail", "--dir", root).stdout.splitlines()) == 3
    shown = run("tail", "--dir", root, "--all").stdout
    assert len(shown.splitlines()) == 5
    assert "audit_start" in shown


def test_hostile_text_is_escaped_and_markup_is_text(root: Path) -> None:
    stream = Stream.create(root)
    tool = "\x1b[31m[bold]x[/bold]\u202e\x9b:smile:"
    stream.append(called(1, tool=tool, user={"id": "a\nb\u2066", "tenant_id": "t"}))
    stream.close()
    done = run("tail", "--dir", root)
    assert r"a\u000ab\u2066@t" in done.stdout
    assert r"\u001b[31m[bold]x[/bold]\u202e\u009b:smile:" in done.stdout
    shown = run("tail", "--dir", root, "--json").stdout
    assert not set("\x1b\u202e\x9b\u2066") & set(shown)
    assert json.loads(shown)["tool"] == tool


def test_a_line_that_cannot_be_read_is_passed_over(root: Path) -> None:
    journal(root, trail(4, closed=False))
    segment = next(root.glob("*/*.jsonl"))
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(lines[0] + b"\xff junk\n" + lines[2] + lines[3] + lines[3][:80])
    assert len(run("tail", "--dir", root).stdout.splitlines()) == 2


def test_only_the_ends_of_large_files_are_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal(root, trail(3000, closed=False))
    read: list[int] = []
    pread = os.pread

    def counted(fd: int, size: int, at: int) -> bytes:
        read.append(size)
        return pread(fd, size, at)

    monkeypatch.setattr(os, "pread", counted)
    assert len(newest(root, 20, lambda _: True).records) == 20
    assert sum(read) < 300_000 < sum(file.stat().st_size for file in root.glob("*/*.jsonl"))


def test_a_stream_not_written_to_for_long_is_not_read_for_the_newest(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal(root, trail(9), trail(9, OTHER))
    old = next(root.glob(f"{OTHER}/*.jsonl"))
    os.utime(old, (1_000_000_000, 1_000_000_000))
    assert {r.chain.stream for r in newest(root, 5, lambda _: True).records} != {OTHER}
    assert len(newest(root, 30, lambda _: True).records) == 18


@pytest.mark.parametrize("arguments", [["-n", "-1"], ["-n", "many"], ["--dir", "/does/not/exist"], ["--follw"]])
def test_a_wrong_argument_is_one_line_and_status_2(root: Path, arguments: list[str]) -> None:
    done = run("tail", "--dir", root, *arguments) if "--dir" not in arguments else run("tail", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("otel-mcp-audit: ")
    assert done.stderr.count("\n") == 1


def test_no_journal_is_said_with_the_mend(tmp_path: Path) -> None:
    done = run("tail", env=environment(tmp_path))
    assert done.returncode == 2
    assert "name its folder with --dir or OTEL_MCP_AUDIT_DIR" in done.stderr


@contextmanager
def following(root: Path, *arguments: str) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "tail", "-f", "--json", "--dir", str(root), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def shown(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())["request"]["id"]


def test_following_shows_what_comes_in_old_and_new_segments_and_in_new_streams(root: Path) -> None:
    first = Stream.create(root, segment_bytes=4000)
    first.append(body(1))
    with following(root) as process:
        assert shown(process) == "req-1"
        for number in range(2, 12):
            first.append(body(number))
            assert shown(process) == f"req-{number}"
        second = Stream.create(root)
        second.append(body(12))
        assert shown(process) == "req-12"
        first.append(body(13))
        assert shown(process) == "req-13"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    first.close()
    second.close()


def test_following_may_begin_with_nothing(root: Path) -> None:
    stream = Stream.create(root)
    stream.append(body(1))
    with following(root, "-n", "0") as process:
        assert process.stdout is not None
        for number in range(2, 600):
            stream.append(body(number))
            if select.select([process.stdout], [], [], 0.05)[0]:
                break
        assert shown(process) != "req-1"
    stream.close()


def test_following_ends_when_nobody_reads_any_more(root: Path) -> None:
    stream = Stream.create(root)
    stream.append(body(1))
    with following(root) as process:
        assert shown(process) == "req-1"
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        process.stdout = None
    stream.close()
