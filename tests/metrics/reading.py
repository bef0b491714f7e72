"""What a real SDK's meter provider collects of us, point by point."""

from collections.abc import Iterator
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

Points = dict[tuple[str, ...], float]
"""Values by attribute values, in the order in which the metric names its attributes; of a histogram the count."""


class Meters:
    """A meter provider and a reader of it, and what was counted before."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)

    def metrics(self) -> dict[str, list[Any]]:
        """The points of each metric, by its name."""
        return dict(self._metrics())

    def _metrics(self) -> Iterator[tuple[str, list[Any]]]:
        data = self.reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    yield metric.name, list(metric.data.data_points)

    def points(self, name: str) -> Points:
        """One metric's values now."""
        return {
            tuple(str(value) for _, value in sorted(point.attributes.items())): getattr(
                point, "value", getattr(point, "count", 0)
            )
            for point in self.metrics().get(name, [])
        }


def grown(after: Points, before: Points) -> Points:
    """What has come since, without what has not moved."""
    return {kind: value - before.get(kind, 0) for kind, value in after.items() if value != before.get(kind, 0)}
