"""Objects in a bucket with object lock, in a real store: all that was acknowledged is in them, for good."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_mcp_audit.verify import verify
from tests.collector.called import Called, call_all
from tests.collector.s3_road import BUCKET, Road
from tests.parts.seaweedfs import SeaweedFS
from tests.scenes.reconcile import received_lines


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


@pytest.mark.timeout(180)
def test_a_collector_that_is_killed_under_load_loses_nothing(road: Road) -> None:
    endured = road.endure(kills=3, calls=300)
    print(endured)
    assert endured.lost == 0, str(endured)
