"""Every fault of a destination, by HTTP and gRPC: nothing lost, nothing doubled by id, quarantine just the poison."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.delivery.arrivals import Deliver, Receiver, bodies
from tests.delivery.trail import PATIENT, QUICK, Trail, unique
from tests.receivers import (
    Behaviour,
    GrpcReceiver,
    HttpReceiver,
    Reply,
    Wire,
    busy,
    garbage,
    hang,
    ok,
    partial,
    poison,
    redirect,
    refuse_all,
    status,
)


@pytest.fixture(params=[HttpReceiver, GrpcReceiver], ids=["http", "grpc"])
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    with request.param() as receiver:
        yield receiver


def test_a_trail_arrives_byte_for_byte_in_order_and_once(receiver: Receiver, trail: Trail, deliver: Deliver) -> None:
    lines = trail.append(1200)
    assert deliver(receiver).flush(20)
    assert bodies(receiver) == lines
    assert [len(request.records) for request in receiver.requests] == [500, 500, 200]
    assert trail.cursor().seq == 1200


REFUSES_EVERYTHING: dict[str, Behaviour] = {
    "302": redirect("http://127.0.0.1:9/"),
    "400": refuse_all(400),
    "401": status(401),
    "403": status(403),
    "404": status(404),
    "408": status(408),
    "413": status(413),
    "429": status(429),
    "500": status(500),
    "503": status(503),
    "busy": busy(0.05),
    "partial": partial(lambda _: True),
    "garbage": garbage(),
}


@pytest.mark.parametrize("known", [True, False], ids=["after-success", "from-the-start"])
@pytest.mark.parametrize("fault", REFUSES_EVERYTHING)
def test_a_destination_that_takes_nothing_loses_nothing_and_heals(
    receiver: Receiver, trail: Trail, deliver: Deliver, fault: str, known: bool
) -> None:
    delivery = deliver(receiver)
    lines: list[str] = []
    if known:
        lines += trail.append(3)
        assert delivery.flush(20)
    receiver.behave(REFUSES_EVERYTHING[fault])
    before = len(receiver.requests)
    lines += trail.append(40)
    delivery.wake()
    receiver.wait_for_requests(before + 5)
    assert not delivery.flush(0.1)
    assert delivery.progress().last_error
    assert trail.quarantined() == []
    assert unique(bodies(receiver)) == lines[: 3 * known]
    receiver.behave(ok())
    assert delivery.flush(20)
    # Where the mend falls into a search for a record that is taken, that one comes first.
    assert sorted(unique(bodies(receiver))) == sorted(lines)
    assert trail.quarantined() == []
    assert delivery.progress().pending == 0


POISON: dict[str, Callable[[Callable[[str], bool]], Behaviour]] = {
    "400": poison,
    "500": lambda is_poison: poison(is_poison, 500),
    "partial": partial,
}


@pytest.mark.parametrize("kind", POISON)
@pytest.mark.parametrize("place", [0, 50, 99])
def test_one_poisonous_record_is_set_aside_and_no_other(
    receiver: Receiver, trail: Trail, deliver: Deliver, kind: str, place: int
) -> None:
    receiver.behave(POISON[kind](lambda body: '"poison"' in body))
    good = trail.append(place)
    bad = trail.append(1, "poison")
    good += trail.append(99 - place)
    delivery = deliver(receiver)
    assert delivery.flush(20)
    assert sorted(unique(bodies(receiver))) == sorted(good)
    assert [entry["line"] for entry in trail.quarantined()] == bad
    assert trail.cursor().quarantined == 1
    assert delivery.progress().pending == 0


def test_a_destination_that_hangs_and_comes_back_gets_everything(
    receiver: Receiver, trail: Trail, deliver: Deliver
) -> None:
    receiver.behave(hang())
    lines = trail.append(10)
    delivery = deliver(receiver, timeout="0.2")
    delivery.wake()
    receiver.wait_for_requests(2)
    receiver.behave(ok())
    assert delivery.flush(20)
    assert unique(bodies(receiver)) == lines


def test_the_exit_does_not_wait_for_a_destination_that_hangs(
    receiver: Receiver, trail: Trail, deliver: Deliver
) -> None:
    receiver.behave(hang())
    trail.append(10)
    delivery = deliver(receiver)
    delivery.wake()
    receiver.wait_for_requests(1)
    began = time.monotonic()
    assert not delivery.stop(1.5)
    assert time.monotonic() - began < 6
    assert trail.quarantined() == []


def test_a_connection_that_breaks_off_in_the_answer_means_again(
    receiver: Receiver, trail: Trail, deliver: Deliver
) -> None:
    lines = trail.append(10)
    with Wire(receiver.port) as wire:
        wire.cut_after = 30
        delivery = deliver(receiver, endpoint=wire.endpoint)
        assert not delivery.flush(0.5)
        wire.cut_after = None
        assert delivery.flush(20)
        delivery.stop(5)
    assert unique(bodies(receiver)) == lines
    assert trail.quarantined() == []


def test_a_connection_of_a_byte_at_a_time_means_again(receiver: Receiver, trail: Trail, deliver: Deliver) -> None:
    lines = trail.append(10)
    with Wire(receiver.port) as wire:
        wire.pause = 1.0
        delivery = deliver(receiver, endpoint=wire.endpoint, timeout="0.5")
        assert not delivery.flush(2)
        wire.pause = 0.0
        assert delivery.flush(20)
        delivery.stop(5)
    assert unique(bodies(receiver)) == lines


@pytest.mark.parametrize("timeout", ["0.3", "10000"])
def test_a_collector_that_never_answers_is_left_after_a_bounded_time(
    receiver: Receiver, trail: Trail, deliver: Deliver, timeout: str
) -> None:
    """case-006: whatever the variable says, neither the exit nor a call waits for it."""
    receiver.behave(hang())
    trail.append(1)
    delivery = deliver(receiver, timeout=timeout)
    began = time.monotonic()
    delivery.wake()
    receiver.wait_for_requests(1)
    for _ in range(1000):
        delivery.wake()
    assert not delivery.stop(0.5)
    assert time.monotonic() - began < 10


def test_a_destination_is_left_alone_as_long_as_it_asks(receiver: Receiver, trail: Trail, deliver: Deliver) -> None:
    receiver.behave(busy(30, 503))
    trail.append(1)
    delivery = deliver(receiver, pace=QUICK._replace(longest_pause=60))
    delivery.wake()
    receiver.wait_for_requests(1)
    # By itself it would come again after 20 ms.
    assert not delivery.flush(0.3)
    assert len(receiver.requests) == 2, "the one attempt that a flush makes"


def test_records_of_two_streams_keep_their_own_resource(
    receiver: Receiver, trail: Trail, deliver: Deliver, tmp_path: Path
) -> None:
    other = Trail(tmp_path / "journal")
    trail.append(2, "own")
    other.append(2, "adopted")
    delivery = deliver(receiver)
    delivery.add(other.source(**{"service.name": "gone", "host.name": "h"}))
    assert delivery.flush(20)
    found = {
        (record["attributes"]["gen_ai.tool.name"], record["resource"]["service.name"]) for record in receiver.records()
    }
    assert found == {("own", "records"), ("adopted", "gone")}
    delivery.stop(5)
    other.stream.close()


def test_a_receiver_that_never_took_gzip_gets_everything_without(trail: Trail, deliver: Deliver) -> None:
    lines = trail.append(100)
    with HttpReceiver() as receiver:
        receiver.behave(lambda _: Reply(http=400, store=False) if receiver.headers.get("content-encoding") else Reply())
        delivery = deliver(receiver, pace=PATIENT)
        assert delivery.flush(20), "at once: no pause for a matter of form"
        assert bodies(receiver) == lines
        assert len(receiver.requests) == 2
        delivery.stop(5)
