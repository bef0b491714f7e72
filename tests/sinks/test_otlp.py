"""The OTLP sink against real receivers, over HTTP and gRPC."""

import logging
import threading
from typing import Any

import grpc
import pytest
import requests
from opentelemetry.context import get_value
from opentelemetry.instrumentation.utils import is_instrumentation_enabled, suppress_instrumentation
from requests.adapters import HTTPAdapter

from otel_mcp_audit.errors import Refused
from otel_mcp_audit.sinks import Sink, Unavailable, resolve
from tests.receivers import (
    Behaviour,
    HttpReceiver,
    Reply,
    Request,
    garbage,
    refuse_all,
    status,
)
from tests.sinks.conftest import Make, Receiver
from tests.sinks.lines import RESOURCE, event, records, sealed


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


def test_a_sink_that_never_wrote_may_be_closed_and_one_that_was_closed_writes_again(
    receiver: Receiver, sinks: Make
) -> None:
    sink = sinks(receiver)
    sink.close()
    sink.write(records(1))
    sink.close()
    sink.write(records(1))
    assert len(receiver.records()) == 2


def test_its_own_address_works_like_the_standard_one(receiver: Receiver) -> None:
    ((name, sink),) = resolve(receiver.address, {})
    sink.write(records(3))
    sink.close()
    assert len(receiver.records()) == 3
    assert name == receiver.address


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


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<html>please log in</html>", "text/html"), (b"\xff\xff\xff", "application/x-protobuf")],
)
def test_a_login_page_is_no_acknowledgement(receiver: Receiver, sinks: Make, body: bytes, kind: str) -> None:
    receiver.behave(garbage(body, kind))
    with pytest.raises((Unavailable, Refused)):
        sinks(receiver).write(records(1))
