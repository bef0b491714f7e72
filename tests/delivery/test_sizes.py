"""case-007: a backlog larger than the receiver takes."""

import pytest

from tests.delivery.arrivals import Deliver, Receiver, bodies
from tests.delivery.trail import Trail, unique
from tests.receivers import (
    Behaviour,
    GrpcReceiver,
    HttpReceiver,
    too_large,
)

CASE_007: dict[str, tuple[type[Receiver], Behaviour]] = {
    "grpc": (GrpcReceiver, too_large(4_194_304, grpc="RESOURCE_EXHAUSTED")),
    "http-413": (HttpReceiver, too_large(4_194_304, 413)),
    "http-400": (HttpReceiver, too_large(4_194_304, 400, "request body too large")),
    "grpc-small": (GrpcReceiver, too_large(100_000, grpc="RESOURCE_EXHAUSTED")),
    "http-413-small": (HttpReceiver, too_large(100_000, 413)),
    "http-400-small": (HttpReceiver, too_large(100_000, 400, "request body too large")),
}


@pytest.mark.parametrize("row", CASE_007)
def test_a_backlog_larger_than_the_receiver_takes_is_split_not_dropped(
    row: str, trail: Trail, deliver: Deliver
) -> None:
    """case-007: 512 records of 12 KiB at once; the small rows are limits below even our own batches."""
    kind, behaviour = CASE_007[row]
    lines = trail.append(512, pad=12_288 - 1100)
    with kind(behaviour=behaviour) as receiver:
        delivery = deliver(receiver)
        assert delivery.flush(40)
        refused = [request for request in receiver.requests if behaviour(request).http != 200]
        assert unique(bodies(receiver)) == bodies(receiver) == lines
        delivery.stop(5)
    assert trail.quarantined() == []
    # Our batches stay below the default limit; a smaller one is learned once, then kept and rarely tried.
    assert len(refused) <= (20 if "small" in row else 0)


@pytest.mark.parametrize("row", ["grpc-small", "http-413-small", "http-400-small"])
def test_only_a_record_that_is_too_large_alone_is_set_aside(row: str, trail: Trail, deliver: Deliver) -> None:
    kind, _ = CASE_007[row]
    limit = {"grpc-small": too_large(9_000, grpc="RESOURCE_EXHAUSTED")}.get(row, too_large(9_000, 413))
    good = trail.append(20)
    giant = trail.append(1, "giant", pad=12_000)
    good += trail.append(20)
    with kind(behaviour=limit) as receiver:
        delivery = deliver(receiver)
        assert delivery.flush(20)
        assert unique(bodies(receiver)) == good
        delivery.stop(5)
    assert [entry["line"] for entry in trail.quarantined()] == giant
