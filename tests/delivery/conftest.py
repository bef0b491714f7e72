"""What all tests of delivery begin with: a stream of records, and a process that has said nothing yet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_mcp_audit import faults
from otel_mcp_audit.delivery import Delivery
from tests.delivery.arrivals import Deliver, Receiver, delivery_to
from tests.delivery.trail import Trail


@pytest.fixture(autouse=True)
def nothing_said() -> None:
    """Log lines are rate-limited for the whole process."""
    faults._last_said.clear()  # pyright: ignore[reportPrivateUsage] -- a rate limit has no public way back


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    """A stream on disk."""
    trail = Trail(tmp_path / "journal")
    yield trail
    trail.stream.close()


@pytest.fixture
def deliver(trail: Trail) -> Iterator[Deliver]:
    """Makes deliveries of the trail to receivers, and ends them."""
    made: list[Delivery] = []

    def make(receiver: Receiver, **options: Any) -> Delivery:
        made.append(delivery_to(receiver, trail, **options))
        return made[-1]

    yield make
    for delivery in made:
        delivery.stop(0)
