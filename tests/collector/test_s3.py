"""Objects in a bucket with object lock, in a real store: all that was acknowledged is in them, for good."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_mcp_audit.verify import verify
from tests.collector import archive
from tests.collector.called import Called, call_all
from tests.collector.s3_road import BUCKET, Road
from tests.parts.seaweedfs import SeaweedFS
from tests.scenes.reconcile import received_lines

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    folder = tmp_path_factory.mktemp("s3")
    with SeaweedFS(folder / "store") as store:
        road = Road(folder, store)
        with road.collector:
            yield road


@pytest.fixture(scope="module")
def called(road: Road) -> Called:
    """What clients did, and all of it arrived."""
    called = call_all(road.folder / "called", road.collector.endpoint)
    road.await_all(called.lines)
    return called


def test_each_call_has_its_one_record_in_an_object_byte_for_byte(road: Road, called: Called) -> None:
    kept = set(called.lines)
    arrived = [line for line in received_lines(road.records()) if line in kept]
    called.assert_all_in(arrived)
    assert len(arrived) == len(kept)


def test_objects_as_they_were_fetched_verify_and_lack_nothing(road: Road, called: Called) -> None:
    report = verify([road.copy], against=called.journal)
    assert (report.missing, report.findings) == ([], [])


def test_the_records_of_an_object_that_is_lacking_are_named(road: Road, called: Called, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(road.copy, copy)
    wanted = set(called.lines)
    lost = next(
        file
        for file in sorted(copy.rglob("*.gz"))
        if wanted & set(received_lines(archive.held(file.parent, file.name)))
    )
    lost.unlink()
    left = set(received_lines(archive.held(copy, "**/*.gz")))
    named = [missing.id for missing in verify([copy], against=called.journal).missing or ()]
    assert named
    assert sorted(map(str, named)) == sorted(json.loads(line)["event"]["id"] for line in wanted - left)


def test_no_version_of_an_object_can_be_deleted_or_replaced(road: Road, called: Called, tmp_path: Path) -> None:
    versions = road.store.ask("list-object-versions", bucket=BUCKET)["Versions"]
    key, version = versions[0]["Key"], versions[0]["VersionId"]
    refused = road.store.aws("s3api", "delete-object", "--bucket", BUCKET, "--key", key, "--version-id", version)
    assert "AccessDenied" in refused.stderr
    empty = tmp_path / "empty"
    empty.touch()
    road.store.ask("put-object", bucket=BUCKET, key=key, body=str(empty))
    still = tmp_path / "still.gz"
    road.store.ask("get-object", str(still), bucket=BUCKET, key=key, version_id=version)
    assert still.read_bytes()


def test_a_collector_that_is_killed_under_load_loses_nothing(road: Road) -> None:
    endured = road.endure(kills=3, calls=300)
    print(endured)
    assert endured.lost == 0, str(endured)
