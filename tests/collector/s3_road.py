"""From a Collector into a bucket with object lock."""

import json
from pathlib import Path
from typing import Any, Final

from tests.collector import archive, journals
from tests.collector.chaos import ARCHIVED_BYTES, STREAMS, archived
from tests.collector.collector import Collector
from tests.collector.endured import Endured, Place
from tests.integration.process import eventually
from tests.parts.seaweedfs import SeaweedFS
from tests.parts.server import PATIENCE

BUCKET: Final = "locked"
_LOCK: Final = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}}

_BATCH: Final = "exporters.awss3/archive.sending_queue.batch"
SMALL: Final = (f"{_BATCH}.flush_timeout=200ms", f"{_BATCH}.min_size=1", f"{_BATCH}.max_size=20")
"""Settings under which many small objects are on their way when something ends."""


class Road:
    """A store, a locked bucket in it, and a Collector that writes there.

    Args:
        folder: empty.
        store: runs.

    Attributes:
        copy: the bucket's objects as they were last fetched.
    """

    def __init__(self, folder: Path, store: SeaweedFS) -> None:
        self.folder = folder
        self.store = store
        self.copy = folder / "copy"
        variables = {"AUDIT_S3_BUCKET": BUCKET, "AUDIT_S3_ENDPOINT": store.url, **store.environ}
        self.collector = Collector(folder / "collector", "base", "s3", sets=SMALL, **variables)
        store.ask("create-bucket", "--object-lock-enabled-for-bucket", bucket=BUCKET)
        store.ask("put-object-lock-configuration", bucket=BUCKET, object_lock_configuration=json.dumps(_LOCK))

    def records(self) -> list[dict[str, Any]]:
        """What the bucket has."""
        done = self.store.aws("s3", "sync", "--quiet", f"s3://{BUCKET}", str(self.copy))
        assert done.returncode == 0, done.stderr
        return archive.held(self.copy, "**/*.gz")

    def await_all(self, lines: list[bytes]) -> None:
        """Wait until the bucket has them."""
        eventually(lambda: self._queued() == 0, "the queue is empty", PATIENCE)  # far cheaper to ask than the bucket
        eventually(lambda: not journals.missing(lines, self.records()), "all of it arrives", PATIENCE)

    def endure(self, kills: int, calls: int) -> Endured:
        """Ship a journal while the Collector is killed as often, each time after more objects were written.

        Args:
            kills: how often.
            calls: of each of the journal's streams.
        """
        journal = self.folder / "journal"
        for _ in range(STREAMS):
            journals.leave(journal, calls)
        lines, under_way = journals.lines(journal), list[int]()
        step, before = len(lines) * ARCHIVED_BYTES // (kills + 1), self._written()
        with journals.shipping(journal, self.collector.endpoint) as sender:
            for number in range(1, kills + 1):
                eventually(lambda: archived(self.collector) > number * step, "more of it comes through", PATIENCE)  # noqa: B023 -- used at once
                eventually(lambda: self._written() > before or not sender.runs, "an object is written", PATIENCE)  # noqa: B023 -- used at once
                self.collector.kill()
                under_way.append(len(journals.missing(lines, self.records())))
                self.collector.start()
                before = 0
            assert sender.ended() == 0, sender.stderr.text
            shipped = json.loads(sender.stdout.text)
        self.await_all(lines)
        return Endured(
            ended="Collector: kill",
            under_way=tuple(under_way),
            sent=len(lines),
            acknowledged=shipped["delivered"],
            places={
                "archive": Place.of(lines, self._archived()),
                "bucket": Place.of(lines, self.records()),
            },
        )

    def _archived(self) -> list[dict[str, Any]]:
        return archive.records(self.collector.archive)

    def _queued(self) -> float:
        return self.collector.metric("otelcol_exporter_queue_size", exporter="awss3/archive")

    def _written(self) -> int:
        """Records of the objects that the Collector has written since it was started."""
        return int(self.collector.metric("otelcol_exporter_sent_log_records", exporter="awss3/archive"))
