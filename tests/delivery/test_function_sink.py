"""case-022: a database, as a plain function, that refuses every row for a reason that is not the row's."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from otel_mcp_audit.delivery import Delivery, Pace
from otel_mcp_audit.errors import Refused
from otel_mcp_audit.record import AuditRecord
from otel_mcp_audit.sinks import resolve
from tests.delivery.trail import PATIENT, QUICK, Trail

REFUSALS = [
    ("postgresql", 'no partition of relation "mcp_audit" found for row'),
    ("postgresql", "permission denied for table mcp_audit"),
    ("postgresql", 'relation "mcp_audit" does not exist'),
    ("postgresql", "could not extend file: no space left on device"),
    ("postgresql", "cannot execute INSERT in a read-only transaction"),
    ("postgresql", "prepared statement does not exist"),
    ("mysql", "table has no partition for value"),
    ("mysql", "deadlock found when trying to get lock"),
    ("mysql", "the table is full"),
    ("sqlite", "database is locked"),
    ("sqlite", "database or disk is full"),
]


class DatabaseError(Exception):
    """Whatever a driver raises."""


class Table:
    """A table that refuses everything until it is mended.

    Args:
        error: why.
        attempts: it mends itself after so many.
    """

    def __init__(self, error: Exception, attempts: int | None = None) -> None:
        self.error: Exception | None = error
        self.rows: list[str] = []
        self._attempts = attempts

    def insert(self, records: Sequence[AuditRecord]) -> None:
        """All rows or none."""
        if self._attempts is not None:
            self._attempts -= 1
            self.error = self.error if self._attempts >= 0 else None
        if self.error is not None:
            raise self.error
        self.rows += [record.line.decode() for record in records]


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    trail = Trail(tmp_path / "journal")
    yield trail
    trail.stream.close()


def delivery_to(table: Table, trail: Trail, pace: Pace = QUICK) -> Delivery:
    ((name, sink),) = resolve([table.insert], {})
    delivery = Delivery(name, sink, pace)
    delivery.add(trail.source())
    return delivery


@pytest.mark.parametrize(("database", "text"), REFUSALS)
@pytest.mark.parametrize("kind", [DatabaseError, Refused])
def test_all_rows_arrive_once_and_in_order_after_the_mend(
    trail: Trail, database: str, text: str, kind: type[Exception]
) -> None:
    lines = trail.append(50)
    table = Table(kind(f"{database}: {text}"))
    delivery = delivery_to(table, trail, PATIENT)
    for _ in range(3):
        assert not delivery.flush(5)
    cursor = trail.cursor()
    assert cursor.seq == 0
    assert text in str(cursor.last_error)
    assert text in str(delivery.progress().last_error)
    assert delivery.progress().at_fault is (kind is Refused)
    table.error = None
    assert delivery.flush(20)
    assert table.rows == lines
    assert trail.quarantined() == []
    assert trail.cursor().last_error is None
    delivery.stop(5)


def test_the_pauses_grow(trail: Trail) -> None:
    asked_for: list[int] = []

    class Counting(Pace):
        def wait(self, failures: int, asked: float | None) -> float:
            asked_for.append(failures)
            return 0.0

    trail.append(3)
    table = Table(DatabaseError("locked"), 6)
    delivery = delivery_to(table, trail, Counting(linger=0.0))
    assert delivery.flush(20)
    assert asked_for == [1, 2, 3, 4, 5, 6]
    delivery.stop(5)


def test_only_a_row_that_fails_while_its_neighbours_pass_is_set_aside(trail: Trail) -> None:
    good = trail.append(5)
    bad = trail.append(1, "poison")
    good += trail.append(5)
    rows: list[str] = []

    def insert(records: Sequence[AuditRecord]) -> None:
        if any(record.tool == "poison" for record in records):
            raise Refused("invalid byte sequence")
        rows.extend(record.line.decode() for record in records)

    ((name, sink),) = resolve([insert], {})
    delivery = Delivery(name, sink, QUICK)
    delivery.add(trail.source())
    assert delivery.flush(20)
    assert sorted(set(rows)) == sorted(good)
    assert [entry["line"] for entry in trail.quarantined()] == bad
    delivery.stop(5)
