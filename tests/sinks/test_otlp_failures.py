"""How a destination can fail, over HTTP and gRPC: told truly, after one attempt, in bounded time."""

import contextlib
import socket
import time

import pytest

from otel_mcp_audit.errors import Refused, TooLarge
from otel_mcp_audit.sinks import Unavailable
from tests.receivers import (
    Behaviour,
    HttpReceiver,
    Reply,
    Wire,
    busy,
    hang,
    ok,
    partial,
    redirect,
    refuse_all,
    status,
    too_large,
)
from tests.sinks.conftest import Make, Receiver
from tests.sinks.lines import records

REFUSALS: list[tuple[Behaviour, type[Exception]]] = [
    (refuse_all(400), Refused),
    (status(500), Refused),
    (status(413, "larger than max"), TooLarge),
    (too_large(1, grpc="RESOURCE_EXHAUSTED"), TooLarge),
    (partial(lambda _: True), Refused),
    (status(401), Unavailable),
    (status(404), Unavailable),
    (status(408), Unavailable),
    (status(429), Unavailable),
    (status(502), Unavailable),
    (status(503), Unavailable),
    (status(504), Unavailable),
    (redirect("http://127.0.0.1:9/v1/logs"), Unavailable),
    (busy(7), Unavailable),
]


@pytest.mark.parametrize(("behaviour", "raised"), REFUSALS)
def test_every_failure_is_told_after_exactly_one_attempt(
    receiver: Receiver, sinks: Make, behaviour: Behaviour, raised: type[Exception], capfd: pytest.CaptureFixture[str]
) -> None:
    sink = sinks(receiver)
    receiver.behave(behaviour)
    for attempt in (1, 2):
        with pytest.raises(raised) as error:
            sink.write(records(1))
        assert type(error.value).__mro__.index(raised) <= 1
        assert len(receiver.requests) == attempt
    assert receiver.records() == []
    receiver.behave(ok())
    sink.write(records(2))
    assert len(receiver.records()) == 2
    assert capfd.readouterr() == ("", "")


def test_what_a_busy_destination_asks_for_is_passed_on(receiver: Receiver, sinks: Make) -> None:
    receiver.behave(busy(7, 503))
    with pytest.raises(Unavailable) as error:
        sinks(receiver).write(records(2))
    assert error.value.after == 7


def test_a_redirect_is_not_followed(http: HttpReceiver, sinks: Make) -> None:
    with HttpReceiver() as elsewhere:
        http.behave(redirect(f"{elsewhere.endpoint}/v1/logs"))
        with pytest.raises(Unavailable, match="HTTP 302"):
            sinks(http).write(records(1))
        assert elsewhere.requests == []


def test_a_destination_that_hangs_holds_the_sink_for_its_timeout_only(receiver: Receiver, sinks: Make) -> None:
    receiver.behave(hang())
    with pytest.raises(Unavailable):
        sinks(receiver, OTEL_EXPORTER_OTLP_LOGS_TIMEOUT="0.3").write(records(1))
    assert len(receiver.requests) == 1


def test_a_port_where_nobody_listens_is_named(receiver: Receiver, sinks: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match=r"[Cc]onnection refused") as error:
        sinks(receiver, f"http://127.0.0.1:{port}").write(records(1))
    assert str(port) in str(error.value)


def test_a_connection_cut_anywhere_in_the_answer_is_no_acknowledgement(receiver: Receiver, sinks: Make) -> None:
    receiver.behave(partial(lambda _: True, "a body to be cut"))
    with Wire(receiver.port) as wire:
        sink = sinks(receiver, wire.endpoint)
        with pytest.raises(Refused):
            sink.write(records(1))
        for cut in range(0, wire.answered, 9):
            wire.cut_after = cut
            # Refused where the cut came behind the last byte that matters, as it may over gRPC.
            with pytest.raises((Unavailable, Refused)):
                sink.write(records(1))
        wire.cut_after = None
        receiver.behave(ok())
        # Connections that the cuts left half dead may fail yet, gRPC's for seconds; delivery asks again, as here.
        for _ in range(100):
            with contextlib.suppress(Unavailable):
                sink.write(records(1))
                break
            time.sleep(0.1)
    assert receiver.records()


def test_a_receiver_that_only_closes_the_connection_after_its_answer_is_heard(http: HttpReceiver, sinks: Make) -> None:
    """As the simplest of servers do, in HTTP/1.0 and without a length."""
    http.behave(lambda _: Reply(garbage=b"", headers={"Connection": "close"}, without_length=True))
    sink = sinks(http)
    for _ in range(2):
        sink.write(records(1))
    assert len(http.records()) == 2


def test_an_answer_that_trickles_in_is_cut_off_at_the_timeout(receiver: Receiver, sinks: Make) -> None:
    with Wire(receiver.port) as wire:
        wire.pause = 0.2
        with pytest.raises(Unavailable):
            sinks(receiver, wire.endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="1").write(records(1))


def test_an_answer_that_comes_in_pieces_but_in_time_is_heard(receiver: Receiver, sinks: Make) -> None:
    with Wire(receiver.port) as wire:
        wire.pause = 0.001
        sink = sinks(receiver, wire.endpoint)
        for _ in range(3):
            sink.write(records(1))
    assert len(receiver.records()) == 3


def test_a_receiver_that_comes_back_on_its_port_is_found_again_at_once(
    request: pytest.FixtureRequest, receiver: Receiver, sinks: Make
) -> None:
    sink = sinks(receiver)
    sink.write(records(1))
    receiver.__exit__()
    with pytest.raises(Unavailable):
        sink.write(records(1))
    with type(receiver)(receiver.port) as again:
        sink.write(records(2))
        assert len(again.records()) == 2


def test_a_header_that_cannot_be_sent_is_not_shown(
    receiver: Receiver, sinks: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-access=hunter%0A2")
    with pytest.raises(Unavailable, match="see OTEL_EXPORTER_OTLP_HEADERS") as error:
        sinks(receiver).write(records(1))
    assert "hunter" not in str(error.value)
    assert receiver.requests == []
