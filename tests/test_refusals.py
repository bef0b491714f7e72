"""Each refusal is on record or counted: singles and counts together are the requests that were refused."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from otel_mcp_audit import Auditor, AuditRecord
from otel_mcp_audit.flood import FOLDS
from otel_mcp_audit.line import Refusal, Repeated, Request, Trail
from otel_mcp_audit.opencall import Arrival
from otel_mcp_audit.record import Call
from otel_mcp_audit.refusals import Refused
from tests.test_auditor import auditor, records

PATIENCE = 20.0


class Token:
    """A verified token."""

    def __init__(self, user: str) -> None:
        self.claims = {"sub": user}
        self.client_id = "c"
        self.scopes: list[str] = []


def refused(reason: str = "no_token", peer: str = "192.0.2.1", token: Any = None) -> Refused:
    arrival = Arrival(
        call=Call(method="", transport="http", token=token),
        request=Request(id_source="generated", client_ip=peer, transport="http"),
    )
    return Refused(arrival, Refusal(reason=reason, status=401), "denied", "LOGIN", 7)


def knock(audit: Auditor, times: int = 1, **what: Any) -> None:
    for _ in range(times):
        audit.refused(lambda: refused(**what))


def denials(folder: Path) -> list[AuditRecord]:
    return [record for record in records(folder) if record.event_type == "access_denied"]


def times(record: AuditRecord) -> int | None:
    """How many it stands for; None for one that was recorded singly."""
    repeated = record.event.repeated
    return repeated.count if isinstance(repeated, Repeated) else None


def counted(found: list[AuditRecord]) -> int:
    return sum(times(record) or 1 for record in found)


def missed(folder: Path) -> int:
    """How many the trail itself says that it lacks."""
    gaps = [record.event.trail for record in records(folder) if record.event_type == "audit_gap"]
    return sum(gap.count for gap in gaps if isinstance(gap, Trail) and isinstance(gap.count, int))


def test_a_refusal_is_one_record_without_a_start_line(tmp_path: Path) -> None:
    audit = auditor(tmp_path)
    knock(audit)
    assert [path.read_bytes() for path in tmp_path.glob("*/*.starts")] in ([], [b""])
    audit.close()
    (record,) = denials(tmp_path)
    assert (record.outcome, record.event.action, record.user.id) == ("denied", "LOGIN", "anonymous")
    assert record.event.refusal == Refusal(reason="no_token", status=401)
    assert record.response.duration_us == 7


def test_a_stranger_makes_no_resolver_work(tmp_path: Path) -> None:
    asked: list[Call] = []
    audit = auditor(tmp_path, identity=asked.append, refusals="2/60s")
    knock(audit, 4, token=Token("ana"))
    audit.close()
    assert asked == []
    assert {record.user.id for record in denials(tmp_path)} == {"ana"}


def test_a_flood_is_so_many_singles_and_one_count_that_counts_the_rest(tmp_path: Path) -> None:
    audit = auditor(tmp_path, refusals="3/60s")
    knock(audit, 1000)
    audit.close()
    found = denials(tmp_path)
    assert [times(record) for record in found] == [None, None, None, 997]
    assert isinstance(found[-1].event.repeated, Repeated)
    assert found[-1].event.repeated.until >= found[-1].timestamp
    assert (found[-1].outcome, found[-1].response.duration_us) == ("denied", None)


def test_a_flood_that_just_stops_is_on_record_when_its_window_has_ended(tmp_path: Path) -> None:
    audit = auditor(tmp_path, refusals="1/1s")
    knock(audit, 10)
    until = time.monotonic() + PATIENCE
    while counted(denials(tmp_path)) < 10 and time.monotonic() < until:
        time.sleep(0.05)
    assert counted(denials(tmp_path)) == 10
    audit.close()


def test_the_thread_that_waits_for_a_window_is_there_only_while_something_is_counted(tmp_path: Path) -> None:
    def waiting() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "otel-mcp-audit-refusals"]

    audit = auditor(tmp_path, refusals="1/1s")
    knock(audit)
    assert waiting() == []
    knock(audit)
    (thread,) = waiting()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    knock(audit, 3)
    audit.close()
    assert counted(denials(tmp_path)) == 5


@pytest.mark.parametrize("end", ["flush", "rest", "close"])
def test_what_was_counted_is_on_record_when_the_trail_is_flushed_rests_or_ends(tmp_path: Path, end: str) -> None:
    audit = auditor(tmp_path, refusals="1/60m")
    knock(audit, 10)
    if end == "rest":
        audit.rest(1.0, "server stopped")
    else:
        getattr(audit, end)()
    assert counted(denials(tmp_path)) == 10
    audit.close()
    assert counted(denials(tmp_path)) == 10


def test_reasons_and_users_are_counted_apart(tmp_path: Path) -> None:
    audit = auditor(tmp_path, refusals="0/60s")
    for _ in range(3):
        knock(audit)
        knock(audit, reason="origin")
        knock(audit, token=Token("alice"))
        knock(audit, token=Token("bob"))
    audit.close()
    found = {(str(record.event.refusal), record.user.id): times(record) for record in denials(tmp_path)}
    plain = str(Refusal(reason="no_token", status=401))
    assert found == dict.fromkeys(
        [
            (plain, "anonymous"),
            (str(Refusal(reason="origin", status=401)), "anonymous"),
            (plain, "alice"),
            (plain, "bob"),
        ],
        3,
    )


def test_a_peer_with_too_many_users_has_a_count_that_names_nobody(tmp_path: Path) -> None:
    audit = auditor(tmp_path, refusals="0/60s")
    for each in range(2 * FOLDS):
        knock(audit, token=Token(f"user-{each}"))
    audit.close()
    found = denials(tmp_path)
    assert len(found) == FOLDS + 1
    assert counted(found) == 2 * FOLDS
    assert [record.user.id for record in found if record.user.id == "anonymous"] == ["anonymous"]


def test_a_thousand_peers_beyond_the_limit_are_counted_together(tmp_path: Path) -> None:
    audit = auditor(tmp_path, refusals="0/60s")
    for each in range(3000):
        knock(audit, peer=f"10.0.{each // 250}.{each % 250}")
    audit.close()
    found = denials(tmp_path)
    assert (len(found), counted(found)) == (1025, 3000)


def test_many_threads_lose_none(tmp_path: Path) -> None:
    audit = auditor(tmp_path, refusals="100/1s")
    threads = [threading.Thread(target=knock, args=(audit, 500)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    audit.close()
    assert counted(denials(tmp_path)) == 2000


def test_what_is_not_kept_is_counted_as_a_gap(tmp_path: Path) -> None:
    audit = auditor(tmp_path, refusals="50/60s", max_bytes=65536, sinks="otlp+http://127.0.0.1:9")
    for stage in range(50):
        knock(audit, 60, peer=f"10.1.1.{stage}")
    audit.close(0.0)
    missing = missed(tmp_path)
    assert missing
    assert counted(denials(tmp_path)) + missing == 50 * 60


def test_in_power_mode_there_is_something_to_wait_for(tmp_path: Path) -> None:
    audit = auditor(tmp_path, durability="power", refusals="1/60s")
    opened = audit.refused(refused)
    assert opened is not None
    assert opened.due is not None
    assert opened.settle() is None
    assert audit.refused(refused) is None
    audit.close()


def test_where_nothing_is_recorded_nothing_is_counted(tmp_path: Path) -> None:
    audit = auditor(tmp_path, disabled=True)
    assert audit.refused(refused) is None
    assert denials(tmp_path) == []


def test_what_cannot_be_described_is_counted_as_a_gap(tmp_path: Path) -> None:
    def broken() -> Refused:
        raise ValueError("CANARY")

    audit = auditor(tmp_path)
    assert audit.refused(broken) is None
    knock(audit)
    audit.close()
    assert len(denials(tmp_path)) == 1
    assert missed(tmp_path) == 1
