"""Deliveries to real receivers."""

from collections.abc import Callable

from otel_mcp_audit.delivery import Delivery, Pace
from otel_mcp_audit.sinks import resolve
from tests.delivery.trail import QUICK, Trail
from tests.receivers import GrpcReceiver, HttpReceiver

Receiver = HttpReceiver | GrpcReceiver
Deliver = Callable[..., Delivery]

_PROTOCOLS = {"http": "http/protobuf", "grpc": "grpc"}


def delivery_to(
    receiver: Receiver, trail: Trail, *, endpoint: str = "", timeout: str = "20", pace: Pace = QUICK
) -> Delivery:
    """A delivery of the trail by the standard variables; ``endpoint`` leads there another way."""
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint or receiver.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": _PROTOCOLS[receiver.scheme],
        "OTEL_EXPORTER_OTLP_TIMEOUT": timeout,
    }
    ((name, sink),) = resolve("otlp", variables)
    delivery = Delivery(f"{name}-{receiver.scheme}", sink, pace)
    delivery.add(trail.source())
    return delivery


def bodies(receiver: Receiver) -> list[str]:
    """The lines that a receiver holds, in the order they came."""
    return [record["body"] for record in receiver.records()]
