import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from otel_mcp_audit.journal import Orphan, Stream, find
from tests.journal.streams import (
    HERE,
    age,
    assert_chain,
    body,
    crash,
    delivered,
    file_lines,
    found,
    header,
    left,
    segment_files,
    stop,
)


def test_a_stream_of_the_same_host_boot_service_and_sinks_is_found(tmp_path: Path):
    folder = left(tmp_path)
    assert found(tmp_path) == [folder.name]


def test_a_living_stream_is_nobody_s_orphan_not_even_in_its_own_process(tmp_path: Path):
    stream = Stream.create(tmp_path)
    stream.append(header())
    assert found(tmp_path) == []
    age(tmp_path / stream.id, 10_000)
    assert found(tmp_path) == []
    stream.append(body("next"))
    assert stream.incidents == []
    stream.close()


@pytest.mark.parametrize(
    "first",
    [header(host="other"), header(boot="other"), header(host="other", boot="other")],
)
def test_a_stream_of_another_host_or_boot_is_found_only_once_it_is_idle(tmp_path: Path, first: bytes):
    folder = left(tmp_path, first)
    assert found(tmp_path) == []
    age(folder, 590)
    assert found(tmp_path) == []
    age(folder, 20)
    assert found(tmp_path) == [folder.name]


@pytest.mark.parametrize("first", [header(service="other"), header(sinks=["other"]), header(sinks=["otlp", "file"])])
def test_a_stream_of_another_service_or_with_other_sinks_is_never_found(tmp_path: Path, first: bytes):
    age(left(tmp_path, first), 10_000)
    assert found(tmp_path) == []


def test_the_order_of_the_sinks_does_not_matter(tmp_path: Path):
    folder = left(tmp_path, header(sinks=["a", "b"]))
    assert found(tmp_path, HERE._replace(sinks=("b", "a"))) == [folder.name]


def test_a_closed_stream_is_found_until_every_sink_has_all_of_it(tmp_path: Path):
    folder = left(tmp_path, header(sinks=["otlp", "otlp+http://h:1"]), stop)
    origin = HERE._replace(sinks=["otlp", "otlp+http://h:1"])
    assert found(tmp_path, origin) == [folder.name]
    delivered(folder, "otlp")
    assert found(tmp_path, origin) == [folder.name]
    delivered(folder, "otlp+http://h:1")
    assert found(tmp_path, origin) == []


@pytest.mark.parametrize("sinks", [[], ["none"]])
def test_a_closed_stream_that_goes_nowhere_is_not_found(tmp_path: Path, sinks: list[str]):
    left(tmp_path, header(sinks=sinks), stop)
    assert found(tmp_path, HERE._replace(sinks=sinks)) == []


def test_a_delivered_stream_with_an_open_call_is_found(tmp_path: Path):
    stream = Stream.create(tmp_path)
    stream.append(header())
    stream.begin("a", body("a"))
    stream.close()
    delivered(tmp_path / stream.id)
    assert found(tmp_path) == [stream.id]


def test_a_stream_whose_lock_file_was_removed_may_still_have_an_owner(tmp_path: Path):
    stream = Stream.create(tmp_path)
    stream.append(header())
    (tmp_path / stream.id / "lock").unlink()
    assert found(tmp_path) == []
    assert not (tmp_path / stream.id / "lock").exists()
    age(tmp_path / stream.id, 10_000)
    assert found(tmp_path) == [stream.id]
    crash(stream)


def test_a_stream_whose_lock_file_was_removed_is_not_adopted_while_its_owner_may_live(tmp_path: Path):
    stream = Stream.create(tmp_path)
    stream.append(header())
    (tmp_path / stream.id / "lock").unlink()
    orphan = Orphan(tmp_path / stream.id, HERE)
    assert orphan.adopt() is None
    assert orphan.problem is not None
    assert "owner may live" in orphan.problem
    stream.append(body("next"))
    assert [incident.reason for incident in stream.incidents] in ([], ["lock_lost"])
    stream.close()
    (tmp_path / stream.id / "lock").unlink(missing_ok=True)
    age(tmp_path / stream.id, 10_000)
    adopted = orphan.adopt()
    assert adopted is not None
    adopted.close()


def test_an_adopted_stream_is_gone_on_with_by_one_only(tmp_path: Path):
    folder = left(tmp_path)
    first, second = (find(tmp_path, HERE)[0] for _ in range(2))
    stream = first.adopt()
    assert stream is not None
    assert second.adopt() is None
    assert second.problem is None
    stream.append(body("next"))
    stop(stream)
    delivered(folder)
    assert second.adopt() is None
    assert_chain(file_lines(folder), folder.name)


RACER = """
import pathlib, sys
from otel_mcp_audit.journal import Origin, find
from tests.journal.streams import BOOT, HOST, SERVICE, SINKS, body
orphans = find(pathlib.Path(sys.argv[1]), Origin(HOST, BOOT, SERVICE, SINKS))
print("ready", flush=True)
sys.stdin.readline()
adopted = [stream for orphan in orphans if (stream := orphan.adopt())]
for stream in adopted:
    stream.append(body("adopted by " + sys.argv[2]))
print(len(adopted), flush=True)
sys.stdin.readline()
"""


def test_of_two_racing_processes_one_adopts_each_orphan(tmp_path: Path):
    folders = [left(tmp_path) for _ in range(20)]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, tmp_path, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in "ab"
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        print(file=racer.stdin, flush=True)
    counts = [int(racer.stdout.readline()) for racer in racers if racer.stdout]
    for racer in racers:
        racer.communicate("\n")
    assert sum(counts) == 20
    for folder in folders:
        assert_chain(file_lines(folder), folder.name)
        assert len(file_lines(folder)) == 2


def test_a_stream_that_is_gone_by_then_is_not_adopted(tmp_path: Path):
    folder = left(tmp_path)
    (orphan,) = find(tmp_path, HERE)
    shutil.rmtree(folder)
    assert orphan.adopt() is None
    assert not folder.exists()


def test_an_empty_stream_of_a_failed_start_is_nobody_s_and_no_problem(tmp_path: Path):
    stream = Stream.create(tmp_path)
    crash(stream)
    said: list[str] = []
    assert found(tmp_path, report=said.append) == []
    assert said == []


def test_a_folder_of_which_only_lock_and_cursor_are_left_is_finished(tmp_path: Path):
    folder = left(tmp_path, end=stop)
    delivered(folder)
    segment_files(folder)[0].unlink()
    said: list[str] = []
    assert found(tmp_path, report=said.append) == []
    assert said == []
