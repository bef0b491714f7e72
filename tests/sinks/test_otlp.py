"""The OTLP sink against real receivers, over HTTP and gRPC."""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
import requests
from opentelemetry.context import get_value
from opentelemetry.instrumentation.utils import is_instrumentation_enabled, suppress_instrumentation
from requests.adapters import HTTPAdapter

from otel_mcp_audit.errors import Refused, TooLarge
from otel_mcp_audit.sinks import Sink, Unavailable, resolve
from tests.receivers import (
    Behaviour,
    GrpcReceiver,
    HttpReceiver,
    Reply,
    Request,
    Wire,
    busy,
    garbage,
    hang,
    ok,
    partial,
    redirect,
    refuse_all,
    status,
    too_large,
)
from tests.sinks.lines import RESOURCE, event, records, sealed

Receiver = HttpReceiver | GrpcReceiver
PROTOCOLS = {"http": "http/protobuf", "grpc": "grpc"}


@pytest.fixture(params=[HttpReceiver, GrpcReceiver], ids=["http", "grpc"])
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    with request.param() as receiver:
        yield receiver


@pytest.fixture
def http() -> Iterator[HttpReceiver]:
    with HttpReceiver() as receiver:
        yield receiver


@pytest.fixture
def sinks() -> Iterator[Callable[..., Sink]]:
    """Makes OTLP sinks to an endpoint, and closes them."""
    made: list[Sink] = []

    def make(receiver: Receiver, endpoint: str = "", **environ: str) -> Sink:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint or receiver.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": PROTOCOLS[receiver.scheme],
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "20",
        }
        ((_, sink),) = resolve("otlp", variables | environ)
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()


Make = Callable[..., Sink]


def test_records_arrive_whole_with_their_bodies_byte_for_byte(receiver: Receiver, sinks: Make) -> None:
    given = [*records(20), sealed(event(77, "über\u2028\U0001f600\x00"), 77)]
    sink = sinks(receiver)
    sink.write(given)
    got = receiver.records()
    assert [record["body"].encode() for record in got] == [record.line for record in given]
    assert [record["attributes"]["log.record.uid"] for record in got] == [record.id for record in given]
    assert all(record["resource"] == RESOURCE for record in got)
    sink.write(records(1))
    assert len(receiver.requests) == 2


def test_its_own_address_works_like_the_standard_one(receiver: Receiver) -> None:
    ((name, sink),) = resolve(receiver.address, {})
    sink.write(records(3))
    sink.close()
    assert len(receiver.records()) == 3
    assert name == receiver.address


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


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<html>please log in</html>", "text/html"), (b"\xff\xff\xff", "application/x-protobuf")],
)
def test_a_login_page_is_no_acknowledgement(receiver: Receiver, sinks: Make, body: bytes, kind: str) -> None:
    receiver.behave(garbage(body, kind))
    with pytest.raises((Unavailable, Refused)):
        sinks(receiver).write(records(1))


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
        # The connection of the last answer may be cut already.
        with contextlib.suppress(Unavailable):
            sink.write(records(1))
        sink.write(records(1))
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


def test_the_exporters_standard_headers_are_sent(
    receiver: Receiver, sinks: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc,x-tenant=acme")
    sinks(receiver).write(records(1))
    sent = receiver.headers if isinstance(receiver, HttpReceiver) else receiver.metadata
    assert (sent["authorization"], sent["x-tenant"]) == ("Bearer abc", "acme")
    assert "OTel-OTLP-Exporter-Python" in str(sent["user-agent"])


@pytest.mark.parametrize(("said", "sent"), [("", "gzip"), ("gzip", "gzip"), ("none", None), ("deflate", "deflate")])
def test_compression_is_gzip_unless_the_variable_says_otherwise(
    http: HttpReceiver, sinks: Make, monkeypatch: pytest.MonkeyPatch, said: str, sent: str | None
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", said or "none")
    sinks(http, OTEL_EXPORTER_OTLP_COMPRESSION=said).write(records(5))
    assert http.headers.get("content-encoding") == sent
    assert len(http.records()) == 5


def refusing_gzip(receiver: Receiver, code: int) -> Behaviour:
    def behave(_: Request) -> Reply:
        packed = isinstance(receiver, HttpReceiver) and receiver.headers.get("content-encoding") == "gzip"
        return Reply(http=code, store=False) if packed else Reply()

    return behave


@pytest.mark.parametrize("code", [400, 415, 500])
def test_a_receiver_that_never_took_gzip_is_asked_without(http: HttpReceiver, sinks: Make, code: int) -> None:
    http.behave(refusing_gzip(http, code))
    sink = sinks(http, OTEL_EXPORTER_OTLP_COMPRESSION="")
    with pytest.raises(Unavailable) as error:
        sink.write(records(1))
    assert error.value.after == 0
    sink.write(records(1))
    assert len(http.records()) == 1


def test_a_receiver_that_took_gzip_once_is_believed_when_it_refuses(http: HttpReceiver, sinks: Make) -> None:
    sink = sinks(http, OTEL_EXPORTER_OTLP_COMPRESSION="")
    sink.write(records(1))
    http.behave(refuse_all(400))
    with pytest.raises(Refused):
        sink.write(records(1))
    assert http.headers["content-encoding"] == "gzip"


def test_gzip_that_the_user_asked_for_stays(http: HttpReceiver, sinks: Make) -> None:
    http.behave(refusing_gzip(http, 400))
    sink = sinks(http, OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    for _ in range(2):
        with pytest.raises(Refused):
            sink.write(records(1))


def test_no_instrumentation_sees_the_request_and_none_that_is_suppressed_mutes_it(
    receiver: Receiver, sinks: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def watched(function: Any) -> Any:
        def watching(*args: Any, **options: Any) -> Any:
            # What the instrumentations of requests, urllib3 and gRPC ask before they make a span.
            seen.append(is_instrumentation_enabled())
            return function(*args, **options)

        return watching

    call: Any = grpc.UnaryUnaryMultiCallable
    (real,) = [kind for kind in call.__subclasses__() if kind.__module__ == "grpc._channel"]
    monkeypatch.setattr(real, "__call__", watched(real.__call__))
    monkeypatch.setattr(requests.Session, "send", watched(requests.Session.send))
    sink = sinks(receiver)
    sink.write(records(1))
    assert seen == [False]
    assert is_instrumentation_enabled()
    with suppress_instrumentation():
        sink.write(records(1))
    assert len(receiver.records()) == 2
    assert get_value("suppress_instrumentation") is None


def test_the_exporters_own_lines_are_silenced_for_ours_only(
    receiver: Receiver, sinks: Make, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.behave(status(503))
    sink = sinks(receiver)
    with pytest.raises(Unavailable):
        sink.write(records(1))
    assert caplog.records == []
    module = "http._log_exporter" if receiver.scheme == "http" else "grpc.exporter"
    logging.getLogger(f"opentelemetry.exporter.otlp.proto.{module}").error("the application's own exporter failed")
    assert len(caplog.records) == 1


def test_two_sinks_write_at_once_each_with_its_own_answer(sinks: Make) -> None:
    with HttpReceiver() as sound, HttpReceiver(behaviour=status(503)) as ill:
        good, bad = sinks(sound), sinks(ill)
        answers: list[str] = []

        def write(sink: Sink) -> None:
            for _ in range(20):
                try:
                    sink.write(records(1))
                    answers.append("taken")
                except Unavailable:
                    answers.append("not now")

        writers = [threading.Thread(target=write, args=[sink]) for sink in (good, bad)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert answers.count("taken") == len(sound.records()) == 20
        assert ill.records() == []


def test_a_line_that_cannot_be_projected_is_refused_without_a_request(receiver: Receiver, sinks: Make) -> None:
    foreign = event()
    foreign.timestamp = "yesterday"
    with pytest.raises(Refused, match="cannot be encoded"):
        sinks(receiver).write([*records(2), sealed(foreign)])
    assert receiver.requests == []


def test_an_empty_certificate_variable_does_not_switch_verification_off(
    sinks: Make, monkeypatch: pytest.MonkeyPatch, http: HttpReceiver
) -> None:
    checked: list[Any] = []
    send: Any = HTTPAdapter.send

    def sending(self: Any, request: Any, **options: Any) -> Any:
        checked.append(options["verify"])
        return send(self, request, **options)

    monkeypatch.setattr(HTTPAdapter, "send", sending)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "")
    sinks(http).write(records(1))
    assert checked
    assert all(checked)
