"""The trail's own metrics on the meter of this process: read when somebody collects, but for two durations.

The meter is first touched when a trail begins; without an SDK it leads nowhere. No user, tenant or request is ever on
a metric, and no name that a client chooses.
"""

import os
import threading
from collections import Counter as Counts
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from otel_mcp_audit import faults, operation, semconv, tally
from otel_mcp_audit.opencall import OpenCall
from otel_mcp_audit.outcome import outcome
from otel_mcp_audit.projection import TRANSPORTS

EVENT_TYPE: Final = "mcp_audit.event_type"
REASON: Final = "mcp_audit.reason"
SINK: Final = "mcp_audit.sink"


class Metric(NamedTuple):
    """What a metric is; ``attributes`` are all that it may have."""

    name: str
    unit: str
    description: str
    attributes: tuple[str, ...]


EMITTED: Final = Metric(
    "audit.records.emitted", "{record}", "Records that were kept in the journal.", (EVENT_TYPE, semconv.OUTCOME)
)
EXPORTED: Final = Metric("audit.records.exported", "{record}", "Records that a sink has acknowledged.", (SINK,))
DROPPED: Final = Metric(
    "audit.records.dropped", "{record}", "Records that are missing, in the journal or at a sink.", (REASON, SINK)
)
DEPTH: Final = Metric("audit.queue.depth", "{record}", "Records that wait for a sink.", (SINK,))
UTILIZATION: Final = Metric(
    "audit.journal.utilization", "1", "Part of the disk budget that the journal folder takes.", ()
)
EXPORT: Final = Metric("audit.export.duration", "s", "Duration of a request to a sink.", (SINK, semconv.ERROR_TYPE))
OPERATION: Final = Metric(
    "mcp.server.operation.duration",
    "s",
    "Duration of a request as the MCP server sees it.",
    (
        semconv.MCP_METHOD, semconv.GEN_AI_TOOL, semconv.GEN_AI_OPERATION, semconv.ERROR_TYPE, semconv.RPC_STATUS,
        semconv.MCP_PROTOCOL, semconv.NETWORK_TRANSPORT,
    ),
)  # fmt: skip

ALL: Final = (EMITTED, EXPORTED, DROPPED, DEPTH, UTILIZATION, EXPORT, OPERATION)

BOUNDARIES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Of the semantic conventions for MCP, in seconds."""

_METHODS: Final = frozenset(
    {
        *("initialize", "ping", "server/discover", "logging/setLevel", "completion/complete", "subscriptions/listen"),
        *("tools/list", "tools/call", "prompts/list", "prompts/get", "resources/list", "resources/read"),
        *("resources/templates/list", "resources/subscribe", "resources/unsubscribe"),
        *("tasks/get", "tasks/result", "tasks/list", "tasks/cancel", "tasks/update"),
    }
)
_OTHER: Final = "_OTHER"
_PROTOCOLS: Final = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"})
"""What a client may write and a metric may show: any other text is its own choice, and there is no end of them."""


class Instruments:
    """The metrics on one provider's meter.

    Args:
        provider: None is the one that is set, now or later.

    Attributes:
        current: False once another provider has taken its place: then nothing more is observed here.
    """

    def __init__(self, provider: MeterProvider | None) -> None:
        self.provider = provider
        self.current = True
        meter = metrics.get_meter(semconv.SCOPE, meter_provider=provider)
        for metric, read in ((EMITTED, self._emitted), (EXPORTED, self._exported), (DROPPED, self._dropped)):
            meter.create_observable_counter(metric.name, [read], metric.unit, metric.description)
        for metric, read in ((DEPTH, self._depth), (UTILIZATION, self._utilization)):
            meter.create_observable_gauge(metric.name, [read], metric.unit, metric.description)
        self.export, self.operation = (
            meter.create_histogram(
                metric.name, metric.unit, metric.description, explicit_bucket_boundaries_advisory=BOUNDARIES
            )
            for metric in (EXPORT, OPERATION)
        )

    def _emitted(self, _: CallbackOptions) -> Iterable[Observation]:
        return self._counted(tally.EMITTED, EMITTED)

    def _exported(self, _: CallbackOptions) -> Iterable[Observation]:
        return self._counted(tally.EXPORTED, EXPORTED)

    def _dropped(self, _: CallbackOptions) -> Iterable[Observation]:
        return self._counted(tally.DROPPED, DROPPED)

    def _counted(self, total: tally.Sum, metric: Metric) -> list[Observation]:
        if not self.current:
            return []
        return [
            Observation(count, {name: value for name, value in zip(metric.attributes, kind, strict=True) if value})
            for kind, count in total.read().items()
        ]

    def _depth(self, _: CallbackOptions) -> Iterable[Observation]:
        depths: Counts[str] = Counts()
        for each in operation.running() if self.current else ():
            depths.update(each.waiting())
        return [Observation(depth, {SINK: sink}) for sink, depth in depths.items()]

    def _utilization(self, _: CallbackOptions) -> Iterable[Observation]:
        used = [used for each in operation.running() if (used := each.utilization) is not None]
        return [Observation(max(used))] if used and self.current else []

    def exported(self, sink: str, seconds: float, error: str | None) -> None:
        """A delivery has made an attempt."""
        self.export.record(seconds, {SINK: sink} if error is None else {SINK: sink, semconv.ERROR_TYPE: error})


class _Metering:
    """The provider that ``instrument()`` was given (None: the one that is set), and the metrics made on providers."""

    def __init__(self) -> None:
        self.provider: MeterProvider | None = None
        self.instruments: Instruments | None = None
        self._made: list[Instruments] = []
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._unlock)

    def _unlock(self) -> None:
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Have the metrics on the provider of now, and on no other."""
        with self._lock:
            before, provider = self.instruments, self.provider
            if before is not None and before.provider is provider:
                return
            after = next((each for each in self._made if each.provider is provider), None)
            if after is None:  # a meter makes an instrument once
                after = Instruments(provider)
                self._made.append(after)
            if before is not None:
                before.current = False
            after.current, self.instruments = True, after
            tally.EXPORTS[:] = [after.exported]


_METERING: Final = _Metering()


def use(provider: MeterProvider) -> None:
    """Have the metrics on this provider; also where a trail has begun."""
    _METERING.provider = provider
    if _METERING.instruments is not None:
        begin()


@faults.harmless("metrics")
def begin() -> None:
    """A trail begins: have its metrics collected."""
    _METERING.begin()


@faults.harmless("metrics")
def note(opened: OpenCall) -> None:
    """Measure a call that has ended and came over MCP."""
    instruments, event = _METERING.instruments, opened.event
    if instruments is None or event.request.transport == "none" or event.response.duration_us is None:
        return
    # A proxy's own private name: without an SDK nobody would see what we make. Where it is another, it only costs more.
    if getattr(instruments.operation, "_real_instrument", instruments) is None:
        return
    instruments.operation.record(event.response.duration_us / 1e6, _attributes(opened))


def _attributes(opened: OpenCall) -> dict[str, Any]:
    request, response = opened.event.request, opened.event.response
    attributes = {semconv.MCP_METHOD: request.method if request.method in _METHODS else _OTHER}
    if request.method == "tools/call":
        attributes[semconv.GEN_AI_OPERATION] = semconv.EXECUTE_TOOL
    if opened.registered and opened.event.tool is not None:
        attributes[semconv.GEN_AI_TOOL] = opened.event.tool
    if request.transport in TRANSPORTS:
        attributes[semconv.NETWORK_TRANSPORT] = TRANSPORTS[request.transport]
    if request.protocol_version in _PROTOCOLS:
        attributes[semconv.MCP_PROTOCOL] = request.protocol_version
    if response.status_code is not None:
        attributes[semconv.RPC_STATUS] = str(response.status_code)
    if outcome(response.outcome).span_error:
        attributes[semconv.ERROR_TYPE] = response.error_type or response.outcome
    return attributes
