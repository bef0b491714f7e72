"""A real disk that is full, under the archive or under the queues: the journal or the archive has what is missing."""

import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.collector import archive, journals
from tests.collector.collector import Collector
from tests.collector.test_answers import quick, to
from tests.integration.process import eventually
from tests.journal.ordinary import needs_root
from tests.receivers import HecReceiver, ok, status

CALLS = 600
QUEUED = "otelcol_exporter_queue_size"
SENT = "otelcol_exporter_sent_log_records"


@contextmanager
def small_disk(place: Path) -> Generator[None]:
    """2 MB that are soon full."""
    place.mkdir(parents=True, mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=2m", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@needs_root
def test_while_the_archives_disk_is_full_the_journal_waits_and_nothing_is_lost(tmp_path: Path) -> None:
    for _ in range(3):
        journals.leave(tmp_path / "journal", CALLS)
    lines = journals.lines(tmp_path / "journal")
    place = tmp_path / "collector" / "archive"
    with (
        small_disk(place),
        HecReceiver() as splunk,
        Collector(tmp_path / "collector", "base", "splunk", sets=quick("splunk_hec"), **to(splunk)) as collector,
        journals.shipping(tmp_path / "journal", collector.endpoint) as sender,
    ):
        eventually(lambda: collector.metric("otelcol_receiver_refused_log_records") > 0, "the sender is refused")
        assert "no space left on device" in collector.log
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        assert sender.ended() == 0, sender.stderr.text
        assert json.loads(sender.stdout.text) == {"delivered": len(lines), "pending": 0, "quarantined": 0}
        eventually(lambda: not journals.missing(lines, splunk.records()), "all of it arrives")
        assert not journals.missing(lines, archive.records(collector.archive))


def untold(collector: Collector) -> float:
    """Records that the archive has taken and the destination has not."""
    archived, sent = (collector.metric(SENT, exporter=exporter) for exporter in ("file/archive", "splunk_hec"))
    return archived - sent


@needs_root
def test_what_a_queue_on_a_full_disk_gave_up_is_replayed_from_the_archive(tmp_path: Path) -> None:
    """The Collector's queue drops, without a word or a count, what it has no room to mark as being sent.

    Told only by what the archive has counted and the destination has not, once nothing waits.
    """
    streams = [journals.leave(tmp_path / str(number), 500) for number in range(3)]
    lines = [line for stream in streams for line in stream]
    with small_disk(tmp_path / "collector" / "queue"), HecReceiver(behaviour=status(503)) as splunk:
        with Collector(tmp_path / "collector", "base", "splunk", sets=quick("splunk_hec"), **to(splunk)) as collector:
            for stream in streams:
                journals.send(stream, collector.endpoint)
            splunk.behave(ok())
            eventually(lambda: collector.metric(QUEUED, exporter="splunk_hec") == 0, "nothing waits any more")
            eventually(lambda: untold(collector) == len(journals.missing(lines, splunk.records())), "all is settled")
            assert untold(collector) > 0
            assert not collector.complaints()
        assert not journals.missing(lines, archive.records(collector.archive))
        variables = {"AUDIT_REPLAY_DIR": str(collector.archive), **to(splunk)}
        with Collector(tmp_path / "replay", "replay", "splunk", sets=quick("splunk_hec"), **variables):
            eventually(lambda: not journals.missing(lines, splunk.records()), "the replay arrives")
